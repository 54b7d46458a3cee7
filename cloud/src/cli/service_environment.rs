//! What an operator's program reads from its environment: the names of Microsoft's samples.

use std::net::{IpAddr, Ipv4Addr};

use cloud::dir::{Policies, Running};

use super::device_environment::Variables;
use super::failure::Failure;

/// The only port Microsoft's SDK for Node.js knows.
pub(crate) const HTTPS_PORT: u16 = 443;

/// The policy operators' programs begin with, as in Azure: it may do everything on the hub.
pub(crate) const OWNER: &str = "iothubowner";

/// Everything for a program that operates the device `id` with the key of [`OWNER`].
pub(crate) fn operating(running: &Running, key: &str, id: &str) -> Variables {
    vec![
        (
            "IOTHUB_CONNECTION_STRING",
            connection_string(running, OWNER, key),
        ),
        ("IOTHUB_DEVICE_ID", id.into()),
    ]
}

/// The connection string of whoever holds the key of `policy`.
pub(crate) fn connection_string(running: &Running, policy: &str, key: &str) -> String {
    format!(
        "HostName={};SharedAccessKeyName={policy};SharedAccessKey={key}",
        host_name(running)
    )
}

/// The primary key of a policy, in base64.
pub(crate) fn policy_key<'a>(policies: &'a Policies, name: &str) -> Result<&'a str, Failure> {
    let keys = policies.keys(name).ok_or_else(|| {
        Failure::settings(format!(
            "policies.json has no policy {name:?}: delete the file and start the cloud again"
        ))
    })?;
    Ok(&keys.primary_key)
}

/// Where operators connect, with its port unless it is the usual one. A name leads to 127.0.0.1: a cloud that is
/// elsewhere is called by its address.
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
    fn operators_are_told_a_name_that_leads_to_the_cloud() {
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
