//! How the cloud is to run: the options `run` and `exec` share.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloud::ca::Authority;
use cloud::dir::{DEFAULT_GROUP, Enrolment, OwnedDir, Running};
use cloud::dps::{Attestation, EnrollmentKind, EnrollmentSpec};
use cloud::models::shipped;
use cloud::server::{Cloud, Config};
use cloud::tls::{Certificates, TlsVersions};
use dtdl::Models;

use super::failure::Failure;
use super::keeping::Keeping;
use super::output;

#[derive(Args)]
pub(crate) struct Manner {
    /// The name of hub and provisioning service: localhost, a name below .localhost, or 127.x.y.z
    #[arg(long, env = "CLOUD_HUB_NAME", value_name = "NAME")]
    hub_name: Option<String>,
    /// The TLS version to speak, and no other; Azure speaks 1.2
    #[arg(long, env = "CLOUD_TLS", value_name = "VERSION")]
    tls: Option<TlsVersion>,
    /// How many seconds a device is told to wait while it is being assigned
    #[arg(
        long,
        env = "CLOUD_RETRY_AFTER",
        default_value_t = 1,
        value_name = "SECONDS"
    )]
    retry_after: u32,
    #[command(flatten)]
    keeping: Keeping,
    /// The device models: a directory with dtmi/com/example/thermostat-1.json and so on; if there is none, those that are
    /// part of this program. Files that cannot be used are named at the start
    #[arg(long, env = "CLOUD_MODELS", value_name = "DIR")]
    models: Option<PathBuf>,
    /// The console's port on 127.0.0.1, 0 for a free one [default: 8080, or a free one where that is taken]
    #[arg(long, env = "CLOUD_CONSOLE_PORT", value_name = "PORT")]
    console_port: Option<u16>,
    /// The control socket of a host on this machine (`control` in its state directory): lets the console look at the
    /// component and change it
    #[arg(long, env = "CLOUD_HOST_CONTROL", value_name = "PATH")]
    host_control: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum TlsVersion {
    #[value(name = "1.2")]
    Only12,
    #[value(name = "1.3")]
    Only13,
}

fn versions(only: Option<TlsVersion>) -> TlsVersions {
    match only {
        None => TlsVersions::Both,
        Some(TlsVersion::Only12) => TlsVersions::Only12,
        Some(TlsVersion::Only13) => TlsVersions::Only13,
    }
}

/// Where the cloud listens, and its name if none is chosen.
pub(crate) struct Place {
    pub(crate) mqtt: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) name: String,
}

impl Manner {
    /// Starts a cloud with the keys of `dir`, and announces it there.
    pub(crate) async fn start(
        &self,
        dir: &mut OwnedDir,
        place: Place,
    ) -> Result<(Cloud, Running), Failure> {
        let enrolment = dir.enrolment()?;
        let cloud = Cloud::start(self.config(dir, &place, &enrolment)?);
        let cloud = cloud.await.map_err(|error| not_started(&error))?;
        enrol_default_group(&cloud, &enrolment)?;
        let running = running(&cloud, &enrolment);
        dir.announce(&running)?;
        Ok((cloud, running))
    }

    fn config(
        &self,
        dir: &OwnedDir,
        place: &Place,
        enrolment: &Enrolment,
    ) -> Result<Config, Failure> {
        let name = self.hub_name.as_ref().unwrap_or(&place.name);
        let addresses = [place.mqtt, place.https].map(|address| address.ip().to_string());
        let names: Vec<_> = [name.clone(), "localhost".into(), "127.0.0.1".into()]
            .into_iter()
            .chain(addresses)
            .collect();
        let authority = Authority::open(dir.dir().path()).map_err(Failure::settings)?;
        let tls = Certificates::issue(&authority, &names, versions(self.tls));
        Ok(Config {
            mqtt: place.mqtt,
            https: place.https,
            console: self.console_port,
            host_control: self.host_control.clone(),
            tls: tls.map_err(Failure::settings)?,
            certificate: dir.dir().certificate(),
            names,
            id_scope: enrolment.id_scope.clone(),
            retry_after: self.retry_after,
            policies: dir.policies()?,
            place: self.keeping.place(dir.dir().path()),
            keep: self.keeping.retention(),
            models: self.models()?,
        })
    }

    fn models(&self) -> Result<Models, Failure> {
        let Some(directory) = &self.models else {
            return shipped().map_err(Failure::settings);
        };
        let models = Models::in_directory(directory);
        let listing = models.list().map_err(Failure::settings)?;
        for broken in listing.broken {
            output::note(&format!("warning: a model is left out: {broken}"));
        }
        Ok(models)
    }
}

/// The group has the same keys at each start: its devices can always provision again. Whatever else an operator has made of
/// it stays.
fn enrol_default_group(cloud: &Cloud, enrolment: &Enrolment) -> Result<(), Failure> {
    let there = cloud.dps().enrollment(EnrollmentKind::Group, DEFAULT_GROUP);
    if there.is_ok_and(|there| there.keys == enrolment.default_group) {
        return Ok(());
    }
    let spec = EnrollmentSpec {
        attestation: Attestation::keys(enrolment.default_group.clone()),
        ..EnrollmentSpec::default()
    };
    cloud
        .dps()
        .put_enrollment(EnrollmentKind::Group, DEFAULT_GROUP, spec, None)
        .map(drop)
        .map_err(|error| Failure::settings(format!("enrolment.json: {error}")))
}

fn running(cloud: &Cloud, enrolment: &Enrolment) -> Running {
    let name = cloud.dps().assigned_hub();
    Running {
        hub_name: name.to_owned(),
        dps_name: name.to_owned(),
        id_scope: enrolment.id_scope.clone(),
        mqtt: cloud.mqtt_addr(),
        https: cloud.https_addr(),
        pid: std::process::id(),
    }
}

fn not_started(error: &anyhow::Error) -> Failure {
    let kind = error.downcast_ref().map(io::Error::kind);
    let remedy = match kind {
        Some(io::ErrorKind::AddrInUse) => {
            ": end the program that uses the port, or choose another address or port (see --help)"
        }
        Some(io::ErrorKind::PermissionDenied) => {
            ": only root may use ports below 1024; on Linux others may after \
             `sudo sysctl net.ipv4.ip_unprivileged_port_start=443`"
        }
        _ => "",
    };
    Failure::settings(format!("{error:#}{remedy}"))
}

/// An address devices on this machine can reach, and verify: the authority vouches for no other.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:8883".to_owned())?;
    match address {
        SocketAddr::V4(v4) if v4.ip().is_loopback() => Ok(address),
        _ => Err(
            "the local cloud listens on 127.x.y.z only: its certificates count for nothing else"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_port_that_may_not_be_used_is_told_with_the_remedy() {
        let denied = Err::<(), _>(io::Error::from(io::ErrorKind::PermissionDenied));
        let error = denied.context("cannot listen on 127.0.0.9:443");
        let failure = not_started(&error.unwrap_err());
        let message = failure.message().unwrap();
        assert!(
            message.contains("127.0.0.9:443") && message.contains("sysctl"),
            "{message}"
        );
    }
}
