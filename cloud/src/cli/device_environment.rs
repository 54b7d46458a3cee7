//! Environment variables of a device program, named as in Microsoft's samples.

use std::path::Path;

use cloud::dir::Running;

/// Names and values of environment variables.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// Variables for the CA certificate: of OpenSSL (and compatible programs), Node.js, and Python's `requests`.
const CA_VARIABLES: [&str; 3] = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"];

/// The id and key of a device.
pub(crate) struct Identity<'a> {
    /// Registration id, which is also the device ID.
    pub(crate) id: &'a str,
    /// The symmetric key, in base64.
    pub(crate) key: &'a str,
}

/// Returns the variables for a device that provisions.
pub(crate) fn provisioning_variables(
    running: &Running,
    certificate: &Path,
    identity: &Identity<'_>,
) -> Variables {
    let mut variables = vec![
        ("IOTHUB_DEVICE_SECURITY_TYPE", "DPS".into()),
        ("IOTHUB_DEVICE_DPS_ENDPOINT", running.dps_name.clone()),
        ("IOTHUB_DEVICE_DPS_ID_SCOPE", running.id_scope.clone()),
        ("IOTHUB_DEVICE_DPS_DEVICE_ID", identity.id.into()),
        ("IOTHUB_DEVICE_DPS_DEVICE_KEY", identity.key.into()),
    ];
    variables.extend(CA_VARIABLES.map(|name| (name, certificate.display().to_string())));
    variables
}

/// Returns the connection string of a registered device.
pub(crate) fn connection_string(running: &Running, identity: &Identity<'_>) -> String {
    format!(
        "HostName={};DeviceId={};SharedAccessKey={}",
        running.hub_name, identity.id, identity.key
    )
}
