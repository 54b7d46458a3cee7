//! Environment variables of a device program, named as in Microsoft's samples.

use cloud::{
    ca_bundle,
    dir::{CloudDir, Running},
};

use super::command_error::CommandError;

/// Names and values of environment variables.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// The id and key of a device.
pub(crate) struct Identity<'a> {
    /// Registration id, which is also the device ID.
    pub(crate) id: &'a str,
    /// The symmetric key, in base64.
    pub(crate) key: &'a str,
}

/// Returns the variables for a device that provisions.
pub(crate) fn provisioning_variables(running: &Running, identity: &Identity<'_>) -> Variables {
    vec![
        ("IOTHUB_DEVICE_SECURITY_TYPE", "DPS".into()),
        ("IOTHUB_DEVICE_DPS_ENDPOINT", running.dps_name.clone()),
        ("IOTHUB_DEVICE_DPS_ID_SCOPE", running.id_scope.clone()),
        ("IOTHUB_DEVICE_DPS_DEVICE_ID", identity.id.into()),
        ("IOTHUB_DEVICE_DPS_DEVICE_KEY", identity.key.into()),
    ]
}

/// Returns the variables for a registered device that connects without DPS.
pub(crate) fn connection_variables(running: &Running, identity: &Identity<'_>) -> Variables {
    vec![
        ("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString".into()),
        (
            "IOTHUB_DEVICE_CONNECTION_STRING",
            connection_string(running, identity),
        ),
    ]
}

/// Returns the variables for the CA: of OpenSSL (and compatible programs), Python's `requests`, and Node.js. The first two
/// replace the authorities of the system, so they name the bundle, which is written anew; the last one adds to them.
pub(crate) fn trust_variables(dir: &CloudDir) -> Result<Variables, CommandError> {
    let bundle = ca_bundle::write(dir).map_err(|error| {
        let file = dir.path().join(ca_bundle::FILE);
        CommandError::settings(format!("cannot write {}: {error}", file.display()))
    })?;
    let bundle = bundle.display().to_string();
    Ok(vec![
        ("SSL_CERT_FILE", bundle.clone()),
        ("REQUESTS_CA_BUNDLE", bundle),
        (
            "NODE_EXTRA_CA_CERTS",
            dir.certificate().display().to_string(),
        ),
    ])
}

/// Returns the connection string of a registered device.
pub(crate) fn connection_string(running: &Running, identity: &Identity<'_>) -> String {
    format!(
        "HostName={};DeviceId={};SharedAccessKey={}",
        running.hub_name, identity.id, identity.key
    )
}
