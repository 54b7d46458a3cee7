//! The IoT hub: registry, twins, methods, messages in both directions, and the MQTT endpoint for devices.

mod c2d;
mod connect;
mod connection;
mod device;
mod digital_twin;
mod endpoint;
mod error;
mod etag;
mod faults;
mod held_packets;
mod methods;
mod persistence;
mod properties;
mod registry;
mod subscriptions;
pub(crate) mod topic;
pub mod twin;
mod twins;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use self::{
    c2d::C2dQueue, connection::ActiveConnection, subscriptions::MqttSession, twins::DesiredHistory,
};
pub use self::{
    c2d::{MAX_C2D_MESSAGE, MAX_C2D_QUEUE},
    device::{Authentication, Capabilities, Device, DeviceSpec},
    digital_twin::DigitalTwinPatch,
    error::Error,
    methods::MethodCall,
    twin::Twin,
    twins::DeviceTwin,
};
pub(crate) use self::{
    connect::{accept, verify_device},
    device::{check_id, format_optional_timestamp},
    endpoint::DeviceEndpoint,
    etag::{check as check_etag, of as etag},
};
use crate::{
    clock::now,
    faults::Faults,
    mqtt::Close,
    store::{Store, StoreError},
    trace::Trace,
};

/// One IoT Hub. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    /// Host names of the hub, in lower case, without port.
    names: Vec<String>,
    faults: Faults,
    trace: Trace,
    store: Store,
    /// Numbers connections, `$rid`s, generations and faults.
    counter: AtomicU64,
    /// Notified whenever a device connects or subscribes, because a method may have become callable.
    presence: watch::Sender<()>,
    entries: Mutex<BTreeMap<String, Entry>>,
}

/// The state of one device in the hub.
struct Entry {
    device: Device,
    revision: u64,
    twin: Twin,
    desired_history: DesiredHistory,
    model_id: Option<String>,
    session: MqttSession,
    queue: C2dQueue,
    connection: Option<ActiveConnection>,
}

impl Hub {
    /// Opens the hub of this store under these host names (with or without port, in any case). No device is connected.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn open<I: IntoIterator<Item: AsRef<str>>>(
        names: I,
        faults: Faults,
        store: Store,
    ) -> Result<Self, StoreError> {
        let names = names.into_iter();
        let hub = Self {
            inner: Arc::new(Inner {
                names: names.map(|name| normalize_host(name.as_ref())).collect(),
                faults,
                trace: Trace::default(),
                counter: AtomicU64::new(1),
                presence: watch::Sender::new(()),
                entries: Mutex::new(persistence::load(&store)?),
                store,
            }),
        };
        hub.record_lost_connections();
        Ok(hub)
    }

    /// Records the end of connections that were open when the previous process ended.
    fn record_lost_connections(&self) {
        // With a clock that was set back, it would be later than the event.
        let since = self.store().last_alive().filter(|at| *at < now());
        for entry in self.entries().values_mut() {
            if entry.device.connected {
                self.record_disconnect(entry, &Close::CloudEnded, since);
            }
        }
    }

    /// Returns the store of state and events.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The active faults. [`Hub::start_fault`] starts one.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Returns the trace of MQTT packets and REST requests.
    pub fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    /// Returns the first of its host names.
    pub fn name(&self) -> &str {
        self.inner.names.first().map_or("", String::as_str)
    }

    /// Returns true if `name`, with or without port, in any case, is one of the hub's host names.
    pub fn is_named(&self, name: &str) -> bool {
        self.inner.names.contains(&normalize_host(name))
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        let entries = self.inner.entries.lock();
        entries.unwrap_or_else(PoisonError::into_inner)
    }

    fn next_number(&self) -> u64 {
        self.inner.counter.fetch_add(1, Ordering::Relaxed)
    }
}

/// Returns the entry of a device.
///
/// # Errors
/// `DeviceNotFound`.
fn entry<'a>(entries: &'a mut BTreeMap<String, Entry>, id: &str) -> Result<&'a mut Entry, Error> {
    let missing = || Error::DeviceNotFound(id.to_owned());
    entries.get_mut(id).ok_or_else(missing)
}

/// Returns a host name in lower case, without its port.
pub(crate) fn normalize_host(name: &str) -> String {
    let name = match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => name,
    };
    name.to_ascii_lowercase()
}
