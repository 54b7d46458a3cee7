//! The addresses of the running cloud.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The addresses of the running cloud, for clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The host name of the hub, with its port unless that is 8883: `localhost`, `localhost:40123`.
    pub hub_name: String,
    /// The host name of DPS, in the same format.
    pub dps_name: String,
    /// The ID scope of DPS.
    pub id_scope: String,
    /// The address for devices (MQTT).
    pub mqtt: SocketAddr,
    /// The address of the service API (HTTPS).
    pub https: SocketAddr,
    /// The process id of the cloud.
    pub pid: u32,
}
