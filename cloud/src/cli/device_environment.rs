//! What a device's program reads from its environment: the names of Microsoft's samples.

use std::path::Path;

use cloud::dir::Running;

/// Names and values.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// Where programs look for the authority to trust: OpenSSL and what goes by it, Node.js, and Python's `requests`.
const TRUST: [&str; 3] = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"];

/// How a device proves who it is.
pub(crate) struct Identity<'a> {
    /// Registration id and device id.
    pub(crate) id: &'a str,
    /// In base64.
    pub(crate) key: &'a str,
}

/// Everything for a device that provisions.
pub(crate) fn provisioning(
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
    variables.extend(TRUST.map(|name| (name, certificate.display().to_string())));
    variables
}

/// The connection string of a device that is registered.
pub(crate) fn connection_string(running: &Running, identity: &Identity<'_>) -> String {
    format!(
        "HostName={};DeviceId={};SharedAccessKey={}",
        running.hub_name, identity.id, identity.key
    )
}
