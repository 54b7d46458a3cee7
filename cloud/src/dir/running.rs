//! Where the running cloud is.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What operator commands have to know of the running cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The hub's name as devices get it: `localhost`, or `localhost:40123` where the port is not 8883.
    pub hub_name: String,
    /// The provisioning service's name, in the same form.
    pub dps_name: String,
    /// The id scope of the provisioning service.
    pub id_scope: String,
    /// Where devices connect.
    pub mqtt: SocketAddr,
    /// Where operators connect.
    pub https: SocketAddr,
    /// The cloud's process id.
    pub pid: u32,
}
