//! Simulated devices, to size the cloud: they connect as real ones do, and send at a rate that does not wait for the cloud.
//!
//! | file | holds |
//! |---|---|
//! | `schedule` | when which device sends |
//! | `connection` | a device's side of MQTT over TLS |
//! | `window` | what a device has sent and the cloud has not acknowledged |
//! | `device` | one device: sends what is due, takes acknowledgments |
//! | `tally` | what all devices together have done so far |
//!
//! A device speaks through the cloud's own codec, because a client library's window and queues would be measured with the
//! cloud; that the codec is right is tested against another implementation.

mod connection;
mod device;
mod schedule;
mod tally;
mod window;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::connection::Connection;
pub use self::connection::{ConnectionError, trusting};
use self::device::{Device, Mission};
use self::schedule::Schedule;
pub use self::tally::{Figures, Latencies, Latency, Tally};

/// Connections that are being made at a time: TLS handshakes cost both sides most of what a connection costs.
const HANDSHAKES: usize = 32;

/// Where the devices connect.
#[derive(Clone)]
pub struct Target {
    /// Where the cloud listens for MQTT.
    pub address: SocketAddr,
    /// The name on its certificate.
    pub server: ServerName<'static>,
    /// The hub's name, for user names and tokens.
    pub hub: String,
    /// Whom to trust.
    pub tls: Arc<ClientConfig>,
    /// The key of every device, in base64.
    pub key: String,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Messages a second, of all devices together.
    pub rate: u32,
    /// For how long.
    pub duration: Duration,
    /// Size of a message's body, in bytes; what it has to say takes some 60 at least.
    pub payload: usize,
    /// How many messages of one device may wait for their acknowledgment.
    pub window: usize,
}

/// Devices that are connected.
pub struct Fleet {
    devices: Vec<(String, Connection)>,
}

/// What became of one device's messages, which it numbers from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The device.
    pub id: String,
    /// How many were due.
    pub due: u64,
    /// The last number it sent.
    pub sent: u64,
    /// The numbers among them that were not acknowledged.
    pub unacknowledged: Vec<u64>,
}

impl Account {
    /// How many were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.sent - self.unacknowledged.len() as u64
    }
}

impl Fleet {
    /// Connects these devices, which are registered, with tokens that count for `lifetime`.
    ///
    /// # Errors
    /// One was not let in. Those that were are gone again.
    pub async fn connect(
        target: &Target,
        ids: Vec<String>,
        lifetime: Duration,
    ) -> Result<Self, ConnectionError> {
        let opened = stream::iter(ids).map(|id| async move {
            let connection = Connection::open(target, &id, lifetime).await?;
            Ok::<_, ConnectionError>((id, connection))
        });
        let devices = opened.buffered(HANDSHAKES).try_collect().await?;
        Ok(Self { devices })
    }

    /// Sends what is demanded, from now on, until all of it is acknowledged or there is no hope left, and disconnects.
    /// When `stop` turns true no more becomes due.
    pub async fn send(
        self,
        demand: Demand,
        stop: watch::Receiver<bool>,
        tally: Arc<Tally>,
    ) -> Vec<Account> {
        let schedule = Schedule::new(self.devices.len(), demand.rate);
        let begins = Instant::now();
        let mut sending = JoinSet::new();
        for (number, (id, connection)) in self.devices.into_iter().enumerate() {
            let mission = Mission {
                turns: schedule.turns(number),
                begins,
                ends: begins + demand.duration,
                window: demand.window,
                payload: demand.payload,
            };
            let device = Device::new(id, connection, mission, Arc::clone(&tally));
            sending.spawn(device.run(stop.clone()));
        }
        let mut accounts = sending.join_all().await;
        accounts.sort_by(|one, other| one.id.cmp(&other.id));
        accounts
    }
}
