//! `cloud exec`

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloud::dir::{CloudDir, Running};
use cloud::dps::{EnrollmentKind, EnrollmentSpec};
use cloud::error::HubError;
use cloud::hub::DeviceSpec;
use cloud::server::{Cloud, MQTT_PORT};

use super::device_environment::{Identity, Variables, connection_string, provisioning};
use super::failure::Failure;
use super::service_environment::{HTTPS_PORT, OWNER, operating, policy_key};
use super::settings::{Manner, Place};
use super::{child, descriptors, logging, output};

#[derive(Args)]
pub(crate) struct Exec {
    /// The device to enrol
    #[arg(
        long,
        env = "CLOUD_DEVICE_ID",
        default_value = "device-1",
        value_name = "ID"
    )]
    device_id: String,
    /// How the program is told to begin: by provisioning, or with a connection string
    #[arg(
        long,
        env = "CLOUD_SECURITY_TYPE",
        default_value = "DPS",
        value_name = "TYPE"
    )]
    security_type: SecurityType,
    /// The program operates the device too, or instead: it gets the owner's connection string
    #[arg(long, env = "CLOUD_OPERATOR")]
    operator: bool,
    /// Listen on this loopback address, port 8883, and 443 with --operator: for SDKs that know no other port
    #[arg(long, env = "CLOUD_ADDRESS", value_name = "127.X.Y.Z", value_parser = loopback_ip)]
    address: Option<Ipv4Addr>,
    #[command(flatten)]
    manner: Manner,
    /// The program, and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum SecurityType {
    #[value(name = "DPS")]
    Dps,
    #[value(name = "connectionString")]
    ConnectionString,
}

impl Exec {
    pub(crate) fn run(&self, dir: Option<PathBuf>) -> Result<(), Failure> {
        match self.run_in(&Lodging::choose(dir)?)? {
            0 => Ok(()),
            code => Err(Failure::Exit(code)),
        }
    }

    #[tokio::main]
    async fn run_in(&self, lodging: &Lodging) -> Result<u8, Failure> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Failure::settings("no program is named"));
        };
        logging::begin();
        descriptors::raise();
        let dir = &lodging.dir;
        let mut owned = dir.take()?;
        let (cloud, running) = self.manner.start(&mut owned, self.place()).await?;
        let variables = self.environment(&cloud, dir, &running)?;
        output::note(&format!(
            "cloud: the console, in a browser: {}",
            cloud.console().link()
        ));
        output::note(&format!(
            "cloud: from a second terminal: cloud --dir {} events --follow",
            dir.path().display()
        ));
        let code = child::run(program, arguments, variables).await;
        cloud.stop().await;
        code
    }

    fn place(&self) -> Place {
        let (address, mqtt, https) = match self.address {
            Some(address) if self.operator => (address, MQTT_PORT, HTTPS_PORT),
            Some(address) => (address, MQTT_PORT, 0),
            None => (Ipv4Addr::LOCALHOST, 0, 0),
        };
        let name = self.address.map(|address| address.to_string());
        Place {
            mqtt: SocketAddr::from((address, mqtt)),
            https: SocketAddr::from((address, https)),
            name: name.unwrap_or_else(|| "localhost".into()),
        }
    }

    fn environment(
        &self,
        cloud: &Cloud,
        dir: &CloudDir,
        running: &Running,
    ) -> Result<Variables, Failure> {
        let id = self.device_id.as_str();
        let key = enrol(cloud, id).map_err(Failure::settings)?;
        let identity = Identity { id, key: &key };
        let mut variables = provisioning(running, &dir.certificate(), &identity);
        variables.push((
            "IOTHUB_DEVICE_CONNECTION_STRING",
            connection_string(running, &identity),
        ));
        if self.operator {
            let policies = dir.policies()?;
            variables.extend(operating(running, policy_key(&policies, OWNER)?, id));
        }
        variables.push(("CLOUD_DIR", dir.path().display().to_string()));
        if std::env::var_os(HOST_STATE).is_none() {
            // What a device remembers of this cloud is of no use with another.
            variables.push((HOST_STATE, dir.path().join("state").display().to_string()));
        }
        if self.security_type == SecurityType::ConnectionString {
            // The last of equal names counts.
            variables.push(("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString".into()));
        }
        Ok(variables)
    }
}

/// Where `host` keeps its state.
const HOST_STATE: &str = "HOST_STATE_DIR";

/// Lets the device provision, and registers it at once, so that its connection string counts without. What is there of
/// an earlier run stays. Returns its key.
fn enrol(cloud: &Cloud, id: &str) -> Result<String, HubError> {
    let (dps, hub) = (cloud.dps(), cloud.hub());
    let kind = EnrollmentKind::Individual;
    let enrollment = match dps.enrollment(kind, id) {
        Ok(enrollment) => enrollment,
        Err(_) => dps.put_enrollment(kind, id, EnrollmentSpec::default(), None)?,
    };
    let spec = DeviceSpec::named(id).with_keys(enrollment.keys.clone());
    match hub.device(id) {
        Ok(device) if device.keys == enrollment.keys => {}
        Ok(_) => drop(hub.update_device(spec, None)?),
        Err(_) => drop(hub.create_device(spec)?),
    }
    Ok(enrollment.keys.primary_key)
}

/// The directory of a cloud that lives as long as its program: the one that is named, or one that goes with it.
struct Lodging {
    dir: CloudDir,
    temporary: bool,
}

impl Lodging {
    fn choose(path: Option<PathBuf>) -> Result<Self, Failure> {
        let temporary = path.is_none();
        let path = path.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("cloud-exec-{:016x}", rand::random::<u64>()))
        });
        let dir = super::named(&path)?;
        Ok(Self { dir, temporary })
    }
}

impl Drop for Lodging {
    fn drop(&mut self) {
        if self.temporary {
            // One that stays holds nothing that still counts.
            let _ = fs::remove_dir_all(self.dir.path());
        }
    }
}

fn loopback_ip(text: &str) -> Result<Ipv4Addr, String> {
    let address: Option<Ipv4Addr> = text.parse().ok();
    address
        .filter(Ipv4Addr::is_loopback)
        .ok_or_else(|| "write a loopback address such as 127.0.5.1".to_owned())
}
