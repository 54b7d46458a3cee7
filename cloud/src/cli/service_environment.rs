//! Environment variables of a back end, named as in Microsoft's samples.

use std::net::{IpAddr, Ipv4Addr};

use cloud::{dir::Running, policies::Policies};

use super::{command_error::CommandError, device_environment::Variables};

/// The only port that Microsoft's SDK for Node.js uses.
pub(crate) const HTTPS_PORT: u16 = 443;

/// The default policy of back ends, as in Azure. It has all rights on the hub.
pub(crate) const OWNER_POLICY: &str = "iothubowner";

/// Returns the variables for a back end of the device `id`, with the key of [`OWNER_POLICY`].
pub(crate) fn service_variables(running: &Running, key: &str, id: &str) -> Variables {
    vec![
        (
            "IOTHUB_CONNECTION_STRING",
            connection_string(running, OWNER_POLICY, key),
        ),
        ("IOTHUB_DEVICE_ID", id.into()),
    ]
}

/// Returns the connection string with the key of `policy`.
pub(crate) fn connection_string(running: &Running, policy: &str, key: &str) -> String {
    format!(
        "HostName={};SharedAccessKeyName={policy};SharedAccessKey={key}",
        host_name(running)
    )
}

/// Returns the primary key of a policy, in base64.
pub(crate) fn policy_key<'a>(policies: &'a Policies, name: &str) -> Result<&'a str, CommandError> {
    let keys = policies.keys(name).ok_or_else(|| {
        CommandError::settings(format!(
            "no policy {name:?} in policies.json: delete the file and restart the cloud"
        ))
    })?;
    Ok(&keys.primary_key)
}

/// Returns the host of the service API, with its port unless that is 443. A host name resolves to 127.0.0.1, so a cloud on
/// another address is named by that address.
fn host_name(running: &Running) -> String {
    let (address, port) = (running.https.ip(), running.https.port());
    let name = running.hub_name.split(':').next().unwrap_or_default();
    let is_name = name.parse::<IpAddr>().is_err();
    let host = match address == Ipv4Addr::LOCALHOST && is_name {
        true => name.to_owned(),
        false => address.to_string(),
    };
    match port {
        HTTPS_PORT => host,
        port => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_name_of_the_service_leads_to_the_cloud() {
        for (hub_name, https, expected) in [
            ("localhost", "127.0.0.1:8443", "localhost:8443"),
            ("hub.localhost:40123", "127.0.0.1:443", "hub.localhost"),
            ("localhost", "127.0.0.9:443", "127.0.0.9"),
            ("127.0.0.9", "127.0.0.9:443", "127.0.0.9"),
            ("127.0.0.9:1883", "127.0.0.1:8443", "127.0.0.1:8443"),
        ] {
            let running = Running {
                hub_name: hub_name.into(),
                dps_name: hub_name.into(),
                id_scope: "0ne00000A1B".into(),
                mqtt: "127.0.0.1:8883".parse().unwrap(),
                https: https.parse().unwrap(),
                pid: 1,
            };
            assert_eq!(
                connection_string(&running, "service", "a2V5"),
                format!("HostName={expected};SharedAccessKeyName=service;SharedAccessKey=a2V5")
            );
        }
    }
}
