//! The options that `run` and `exec` share.

use std::{io, net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};
use cloud::{
    ca::Authority,
    dir::{DEFAULT_GROUP, DpsSettings, OwnedDir, Running},
    dps::{Attestation, EnrollmentKind, EnrollmentSpec},
    models::builtin_models,
    server::{Cloud, Config},
    tls::{Certificates, TlsVersions},
};
use dtdl::Models;

use super::{
    command_error::CommandError, device_environment::trust_variables, retention_args::RetentionArgs,
};

#[derive(Args)]
pub(crate) struct RunOptions {
    /// Host name of hub and DPS: localhost, a name below .localhost, or 127.x.y.z
    #[arg(
        long,
        help_heading = "Network",
        env = "CLOUD_HUB_NAME",
        value_name = "NAME"
    )]
    hub_name: Option<String>,
    /// Accept only this TLS version; Azure speaks 1.2 [default: both]
    #[arg(
        long,
        help_heading = "Network",
        env = "CLOUD_TLS",
        value_name = "VERSION"
    )]
    tls: Option<TlsVersion>,
    /// Port of the console on 127.0.0.1; 0 for a free port [default: 8080, or a free port if it is taken]
    #[arg(
        long,
        help_heading = "Network",
        env = "CLOUD_CONSOLE_PORT",
        value_name = "PORT"
    )]
    console_port: Option<u16>,
    #[command(flatten)]
    retention: RetentionArgs,
    /// Retry-after of DPS while it assigns a device, in seconds
    #[arg(
        long,
        help_heading = "Devices",
        env = "CLOUD_RETRY_AFTER",
        default_value_t = 1,
        value_name = "SECONDS"
    )]
    retry_after: u32,
    /// Directory of device models (DTDL), such as DIR/dtmi/com/example/thermostat-1.json; changes of files take effect at once
    /// [default: built-in models]
    #[arg(
        long,
        help_heading = "Devices",
        env = "CLOUD_MODELS",
        value_name = "DIR"
    )]
    models: Option<PathBuf>,
    /// Control socket of a host on this machine, `control` in its state directory: lets the console show and swap the
    /// component
    #[arg(
        long,
        help_heading = "Devices",
        env = "CLOUD_HOST_CONTROL",
        value_name = "PATH"
    )]
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

/// The addresses to listen on, and the host name without `--hub-name`.
pub(crate) struct ListenAddresses {
    pub(crate) mqtt: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) host_name: String,
}

impl RunOptions {
    /// Starts a cloud with the keys of `dir`, and announces its addresses there.
    pub(crate) async fn start(
        &self,
        dir: &mut OwnedDir,
        addresses: ListenAddresses,
    ) -> Result<(Cloud, Running), CommandError> {
        let dps = dir.dps_settings()?;
        let cloud = Cloud::start(self.config(dir, &addresses, &dps)?);
        let cloud = cloud.await.map_err(|error| start_error(&error))?;
        enroll_default_group(&cloud, &dps)?;
        let running = running(&cloud, &dps);
        dir.announce(&running)?;
        Ok((cloud, running))
    }

    fn config(
        &self,
        dir: &OwnedDir,
        addresses: &ListenAddresses,
        dps: &DpsSettings,
    ) -> Result<Config, CommandError> {
        let name = self.hub_name.as_ref().unwrap_or(&addresses.host_name);
        let ips = [addresses.mqtt, addresses.https].map(|address| address.ip().to_string());
        let names: Vec<_> = [name.clone(), "localhost".into(), "127.0.0.1".into()]
            .into_iter()
            .chain(ips)
            .collect();
        let authority = Authority::open(dir.dir().path()).map_err(CommandError::settings)?;
        trust_variables(dir.dir())?;
        let tls = Certificates::issue(&authority, &names, versions(self.tls));
        Ok(Config {
            mqtt: addresses.mqtt,
            https: addresses.https,
            console: self.console_port,
            host_control: self.host_control.clone(),
            tls: tls.map_err(CommandError::settings)?,
            certificate: dir.dir().certificate(),
            host_names: names,
            id_scope: dps.id_scope.clone(),
            retry_after: self.retry_after,
            policies: dir.policies()?,
            store: self.retention.place(dir.dir().path()),
            retention: self.retention.retention(),
            models: self.models()?,
        })
    }

    fn models(&self) -> Result<Models, CommandError> {
        let Some(directory) = &self.models else {
            return builtin_models().map_err(CommandError::settings);
        };
        let models = Models::in_directory(directory);
        models.check().map_err(CommandError::settings)?;
        Ok(models)
    }
}

/// Gives the default enrollment group the same keys at each start, so that its devices can provision again. Other settings of
/// the group are kept.
fn enroll_default_group(cloud: &Cloud, settings: &DpsSettings) -> Result<(), CommandError> {
    let group = cloud.dps().enrollment(EnrollmentKind::Group, DEFAULT_GROUP);
    if group.is_ok_and(|group| group.keys == settings.default_group) {
        return Ok(());
    }
    let spec = EnrollmentSpec {
        attestation: Attestation::keys(settings.default_group.clone()),
        ..EnrollmentSpec::default()
    };
    cloud
        .dps()
        .put_enrollment(EnrollmentKind::Group, DEFAULT_GROUP, spec, None)
        .map(drop)
        .map_err(|error| CommandError::settings(format!("invalid keys in dps.json: {error}")))
}

fn running(cloud: &Cloud, settings: &DpsSettings) -> Running {
    let name = cloud.dps().assigned_hub();
    Running {
        hub_name: name.to_owned(),
        dps_name: name.to_owned(),
        id_scope: settings.id_scope.clone(),
        mqtt: cloud.mqtt_addr(),
        https: cloud.https_addr(),
        pid: std::process::id(),
    }
}

fn start_error(error: &anyhow::Error) -> CommandError {
    let kind = error.downcast_ref().map(io::Error::kind);
    let remedy = match kind {
        Some(io::ErrorKind::AddrInUse) => {
            ": stop the program that uses the port, or choose another address or port (see --help)"
        }
        Some(io::ErrorKind::PermissionDenied) => {
            ": ports below 1024 are for root only; on Linux, allow all users with \
             `sudo sysctl net.ipv4.ip_unprivileged_port_start=443`"
        }
        _ => "",
    };
    CommandError::settings(format!("{error:#}{remedy}"))
}

/// Parses a loopback address: the CA cannot certify any other.
pub(crate) fn loopback_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:8883".to_owned())?;
    match address {
        SocketAddr::V4(v4) if v4.ip().is_loopback() => Ok(address),
        _ => Err(
            "the local cloud listens on 127.x.y.z only, because its certificates are valid for these only"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn an_error_of_a_privileged_port_names_the_remedy() {
        let denied = Err::<(), _>(io::Error::from(io::ErrorKind::PermissionDenied));
        let error = denied.context("cannot listen on 127.0.0.9:443");
        let error = start_error(&error.unwrap_err());
        let message = error.message().unwrap();
        assert!(
            message.contains("127.0.0.9:443") && message.contains("sysctl"),
            "{message}"
        );
    }
}
