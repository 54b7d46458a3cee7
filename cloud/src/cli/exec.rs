//! `cloud exec`

use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use cloud::{
    dir::{CloudDir, Running},
    dps::{self, EnrollmentKind, EnrollmentSpec},
    hub::DeviceSpec,
    server::{Cloud, MQTT_PORT},
};

use super::{
    child,
    command_error::CommandError,
    descriptors,
    device_environment::{
        Identity, Variables, connection_string, provisioning_variables, trust_variables,
    },
    logging::CloudOutput,
    output, program,
    run::store_ended,
    run_options::{ListenAddresses, RunOptions},
    service_environment::{HTTPS_PORT, OWNER_POLICY, policy_key, service_variables},
};

#[derive(Args)]
pub(crate) struct ExecCommand {
    /// Device to enroll
    #[arg(
        long,
        env = "CLOUD_DEVICE_ID",
        default_value = "device-1",
        value_name = "ID"
    )]
    device_id: String,
    /// Authentication of the device: through DPS, or with a connection string
    #[arg(
        long,
        env = "CLOUD_SECURITY_TYPE",
        default_value = "DPS",
        value_name = "TYPE"
    )]
    security_type: SecurityType,
    /// Pass the service connection string too, for a program that is (also) a back end
    #[arg(long, env = "CLOUD_SERVICE")]
    service: bool,
    /// Listen on this loopback address with the ports of Azure: 8883, and 443 with --service
    #[arg(long, help_heading = "Network", env = "CLOUD_ADDRESS", value_name = "127.X.Y.Z", value_parser = loopback_ip)]
    address: Option<Ipv4Addr>,
    #[command(flatten)]
    options: RunOptions,
    /// Program and its arguments
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

impl ExecCommand {
    pub(crate) fn run(&self, dir: Option<PathBuf>) -> Result<(), CommandError> {
        let exec_dir = ExecDir::new(dir)?;
        let output = CloudOutput::start()?;
        let ended = self.run_in(&exec_dir);
        output.flush();
        match ended? {
            0 => Ok(()),
            code => Err(CommandError::Exit(code)),
        }
    }

    #[tokio::main]
    async fn run_in(&self, exec_dir: &ExecDir) -> Result<u8, CommandError> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(CommandError::settings(
                "no program given; usage: cloud exec -- CMD",
            ));
        };
        descriptors::raise();
        let dir = &exec_dir.dir;
        let mut owned = dir.take()?;
        let (cloud, running) = self.options.start(&mut owned, self.addresses()).await?;
        let variables = self.variables(&cloud, dir, &running)?;
        output::note(&format!("cloud: console: {}", cloud.console().link()));
        output::note(&format!(
            "cloud: to follow events, run: {}",
            program::command_in(exec_dir.shown(), "events --follow")
        ));
        let code = tokio::select! {
            code = child::run(program, arguments, variables) => code,
            () = cloud.store_ended() => Err(store_ended()),
        };
        cloud.stop().await;
        code
    }

    fn addresses(&self) -> ListenAddresses {
        let (address, mqtt, https) = match self.address {
            Some(address) if self.service => (address, MQTT_PORT, HTTPS_PORT),
            Some(address) => (address, MQTT_PORT, 0),
            None => (Ipv4Addr::LOCALHOST, 0, 0),
        };
        let name = self.address.map(|address| address.to_string());
        ListenAddresses {
            mqtt: SocketAddr::from((address, mqtt)),
            https: SocketAddr::from((address, https)),
            host_name: name.unwrap_or_else(|| "localhost".into()),
        }
    }

    fn variables(
        &self,
        cloud: &Cloud,
        dir: &CloudDir,
        running: &Running,
    ) -> Result<Variables, CommandError> {
        let id = self.device_id.as_str();
        let key = enroll(cloud, id).map_err(CommandError::settings)?;
        let identity = Identity { id, key: &key };
        let mut variables = provisioning_variables(running, &identity);
        variables.extend(trust_variables(dir)?);
        variables.push((
            "IOTHUB_DEVICE_CONNECTION_STRING",
            connection_string(running, &identity),
        ));
        if self.service {
            let policies = dir.policies()?;
            let key = policy_key(&policies, OWNER_POLICY)?;
            variables.extend(service_variables(running, key, id));
        }
        variables.push(("CLOUD_DIR", dir.path().display().to_string()));
        // The state of a device is of no use with another cloud, so that of a variable is not for this one.
        let state = dir.path().join("state");
        variables.push(("HOST_STATE_DIR", state.display().to_string()));
        if self.security_type == SecurityType::ConnectionString {
            // Overrides the earlier entry of the same name.
            variables.push(("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString".into()));
        }
        Ok(variables)
    }
}

/// Enrolls the device, and registers it at once, so that its connection string is valid before it provisions. Keeps an existing
/// enrollment and registration. Returns the key.
fn enroll(cloud: &Cloud, id: &str) -> Result<String, dps::Error> {
    let (dps, hub) = (cloud.dps(), cloud.hub());
    let kind = EnrollmentKind::Individual;
    let enrollment = match dps.enrollment(kind, id) {
        Ok(enrollment) => enrollment,
        Err(_) => dps.put_enrollment(kind, id, EnrollmentSpec::default(), None)?,
    };
    let spec = DeviceSpec::new(id).with_keys(enrollment.keys.clone());
    match hub.device(id) {
        Ok(device) if device.keys == enrollment.keys => {}
        Ok(_) => drop(hub.update_device(spec, None)?),
        Err(_) => drop(hub.create_device(spec)?),
    }
    Ok(enrollment.keys.primary_key)
}

/// The directory of `cloud exec`: that of `--dir`, or a temporary one, which is removed at the end.
struct ExecDir {
    dir: CloudDir,
    /// As it was given.
    given: Option<PathBuf>,
}

impl ExecDir {
    fn new(path: Option<PathBuf>) -> Result<Self, CommandError> {
        let given = path.clone();
        let path = path.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("cloud-exec-{:016x}", rand::random::<u64>()))
        });
        let dir = super::absolute(&path)?;
        Ok(Self { dir, given })
    }

    /// Returns the path for hints.
    fn shown(&self) -> &Path {
        self.given.as_deref().unwrap_or_else(|| self.dir.path())
    }
}

impl Drop for ExecDir {
    fn drop(&mut self) {
        if self.given.is_none() {
            // A directory left behind is harmless: its keys belong to a cloud that is gone.
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
