//! The hub: registry, twins, methods, messages both ways, and what devices see of it over MQTT.

mod c2d;
mod connect;
mod device;
mod digital_twin;
mod endpoint;
mod error;
mod etag;
mod events;
mod faults;
mod held;
mod link;
mod methods;
mod properties;
mod record;
mod registry;
mod subscriptions;
pub(crate) mod topic;
pub mod twin;
mod twins;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

pub use self::c2d::{BODY_LIMIT as C2D_BODY_LIMIT, QUEUE_LIMIT as C2D_QUEUE_LIMIT};
pub(crate) use self::connect::accept;
pub use self::device::{Authentication, Capabilities, Device, DeviceSpec, Status, SymmetricKeys};
pub(crate) use self::device::{check_id, time};
pub use self::digital_twin::DigitalTwinPatch;
pub(crate) use self::endpoint::Endpoint;
pub use self::error::Error;
pub(crate) use self::etag::{check as check_etag, of as etag};
pub use self::events::{Event, EventKind, FaultPhase, Message, RegistryChange, TwinChange};
pub(crate) use self::link::Push;
pub use self::methods::{MethodCall, MethodReply};
pub use self::twin::Twin;
pub use self::twins::DeviceTwin;

use self::c2d::Queue;
use self::link::Link;
use self::subscriptions::Session;
use self::twins::Pushed;
use crate::faults::Faults;
use crate::mqtt::Close;
use crate::store::{Store, StoreError};
use crate::trace::Trace;

/// One IoT Hub. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    /// The names it answers to, lower-case, without port.
    names: Vec<String>,
    faults: Faults,
    trace: Trace,
    store: Store,
    /// Counts whatever needs a number of its own: connections, `$rid`s, message ids.
    counter: AtomicU64,
    /// Told whenever a device connects or subscribes: a method may have become callable.
    presence: watch::Sender<()>,
    state: Mutex<BTreeMap<String, Entry>>,
}

/// Everything the hub holds of one device.
struct Entry {
    device: Device,
    revision: u64,
    twin: Twin,
    pushed: Pushed,
    model_id: Option<String>,
    session: Session,
    queue: Queue,
    link: Option<Link>,
}

impl Hub {
    /// The hub of this store, which answers to these host names (with or without port, in any case). Nothing is connected.
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
                names: names.map(|name| host(name.as_ref())).collect(),
                faults,
                trace: Trace::default(),
                counter: AtomicU64::new(1),
                presence: watch::Sender::new(()),
                state: Mutex::new(record::restored(&store)?),
                store,
            }),
        };
        hub.end_connections();
        Ok(hub)
    }

    /// What an earlier process left connected is not.
    fn end_connections(&self) {
        // A clock that was set back would put it after the event that tells of it.
        let since = self.store().last_alive().filter(|at| *at < now());
        for entry in self.state().values_mut() {
            if entry.device.connected {
                self.disconnected(entry, &Close::CloudEnded, since);
            }
        }
    }

    /// Where everything is kept, and the events are.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The active faults. [`Hub::start_fault`] starts one.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// What its devices and operators send and are sent.
    pub fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    /// The first of its names.
    pub fn name(&self) -> &str {
        self.inner.names.first().map_or("", String::as_str)
    }

    /// Whether `name`, with or without port, in any case, is one of the hub's.
    pub fn is_named(&self, name: &str) -> bool {
        self.inner.names.contains(&host(name))
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self) -> u64 {
        self.inner.counter.fetch_add(1, Ordering::Relaxed)
    }
}

/// Finds a device's entry, or says that there is none.
fn entry<'a>(state: &'a mut BTreeMap<String, Entry>, id: &str) -> Result<&'a mut Entry, Error> {
    let missing = || Error::DeviceNotFound(id.to_owned());
    state.get_mut(id).ok_or_else(missing)
}

/// A host name without its port, lower-case.
pub(crate) fn host(name: &str) -> String {
    let name = match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => name,
    };
    name.to_ascii_lowercase()
}

/// The time, to the millisecond, as Azure shows it.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A time as text, always of the same length: as texts, times then compare as they do in time.
pub(crate) fn written(at: Timestamp) -> String {
    format!("{at:.3}")
}
