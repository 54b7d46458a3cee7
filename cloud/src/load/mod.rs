//! Load test of the cloud: simulated devices that connect as real ones do, and send at a fixed rate (open loop).
//!
//! | file | holds |
//! |---|---|
//! | `schedule` | the due time of each message |
//! | `connection` | the client side of MQTT over TLS |
//! | `window` | the messages in flight of a device |
//! | `device` | a simulated device |
//! | `stats` | counts and latencies of all devices |
//!
//! The devices use the cloud's own codec: a client library would add its window and queues to the measured latency. The codec is
//! tested against another implementation.

mod connection;
mod device;
mod schedule;
mod stats;
mod window;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use self::{
    connection::DeviceConnection,
    device::{DevicePlan, SimulatedDevice},
    schedule::Schedule,
};
pub use self::{
    connection::{ConnectionError, tls_config},
    stats::{LatencyHistogram, LatencySummary, LoadStats, StatsSnapshot},
};

/// Connections made at a time: a TLS handshake is the most expensive part of a connection, for both sides.
const CONCURRENT_HANDSHAKES: usize = 32;

/// The cloud under test.
#[derive(Clone)]
pub struct LoadTarget {
    /// The address for MQTT.
    pub address: SocketAddr,
    /// The host name in its certificate.
    pub server: ServerName<'static>,
    /// The host name of the hub, for user names and SAS tokens.
    pub hub: String,
    /// The TLS configuration, with the CA certificate.
    pub tls: Arc<ClientConfig>,
    /// The key of all devices, in base64.
    pub key: String,
}

/// The load to generate.
#[derive(Clone, Copy, Debug)]
pub struct LoadProfile {
    /// Messages per second, of all devices together.
    pub rate: u32,
    /// The time to send messages.
    pub duration: Duration,
    /// The size of a body, in bytes, at least some 60.
    pub payload: usize,
    /// The maximum number of messages in flight per device.
    pub window: usize,
}

/// The connected devices.
pub struct Fleet {
    devices: Vec<(String, DeviceConnection)>,
}

/// The result of one device. Its messages are numbered from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceReport {
    /// The device ID.
    pub id: String,
    /// The number of messages due.
    pub due: u64,
    /// The number of the last message sent.
    pub sent: u64,
    /// The numbers of the messages sent but not acknowledged.
    pub unacknowledged: Vec<u64>,
}

impl DeviceReport {
    /// Returns the number of acknowledged messages.
    pub fn acknowledged(&self) -> u64 {
        self.sent - self.unacknowledged.len() as u64
    }
}

impl Fleet {
    /// Connects these registered devices, with SAS tokens of this `lifetime`.
    ///
    /// # Errors
    /// If a device cannot connect. All others are disconnected then.
    pub async fn connect(
        target: &LoadTarget,
        ids: Vec<String>,
        lifetime: Duration,
    ) -> Result<Self, ConnectionError> {
        let opened = stream::iter(ids).map(|id| async move {
            let connection = DeviceConnection::open(target, &id, lifetime).await?;
            Ok::<_, ConnectionError>((id, connection))
        });
        let devices = opened.buffered(CONCURRENT_HANDSHAKES).try_collect().await?;
        Ok(Self { devices })
    }

    /// Sends the load, waits for the acknowledgments with a timeout, and disconnects. Once `stop` is true, no further message
    /// becomes due.
    pub async fn send(
        self,
        profile: LoadProfile,
        stop: watch::Receiver<bool>,
        stats: Arc<LoadStats>,
    ) -> Vec<DeviceReport> {
        let schedule = Schedule::new(self.devices.len(), profile.rate);
        let start = Instant::now();
        let mut running = JoinSet::new();
        for (number, (id, connection)) in self.devices.into_iter().enumerate() {
            let plan = DevicePlan {
                schedule: schedule.of_device(number),
                start,
                end: start + profile.duration,
                window: profile.window,
                payload: profile.payload,
            };
            let device = SimulatedDevice::new(id, connection, plan, Arc::clone(&stats));
            running.spawn(device.run(stop.clone()));
        }
        let mut reports = running.join_all().await;
        reports.sort_by(|one, other| one.id.cmp(&other.id));
        reports
    }
}
