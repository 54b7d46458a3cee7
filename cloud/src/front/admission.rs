//! Admission of device connections: how many there may be, and how many of them may be strangers'.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::connection_limits::ConnectionLimits;

/// The time that a connection has to be accepted while others wait for its place. A device needs milliseconds.
const GRACE: Duration = Duration::from_secs(5);

/// The shortest time between two log lines about the limit.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The connections that are admitted.
#[derive(Clone)]
pub(super) struct Admissions(Arc<Shared>);

struct Shared {
    limits: ConnectionLimits,
    connections: Mutex<Connections>,
    changed: Notify,
}

#[derive(Default)]
struct Connections {
    open: usize,
    /// Connections without CONNACK, in the order they came.
    pending: BTreeMap<u64, PendingConnection>,
    next: u64,
    /// The last time at which it was logged that devices have to wait.
    limit_logged: Option<Instant>,
}

struct PendingConnection {
    since: Instant,
    evicted: Arc<Notify>,
}

/// The place of a connection. Dropping it frees the place.
pub(super) struct Admission {
    shared: Arc<Shared>,
    number: u64,
    evicted: Arc<Notify>,
}

impl Admissions {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Shared {
            limits,
            connections: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Waits until another connection may be admitted. Evicts the oldest one without CONNACK if it has had [`GRACE`]. Logs
    /// that devices have to wait, once a minute. Cancel-safe.
    pub(super) async fn room(&self) {
        loop {
            // Registered before the look, so that no change is missed.
            let changed = self.0.changed.notified();
            self.log_limit();
            let Some(deadline) = self.wait_until() else {
                return;
            };
            tokio::select! {
                () = changed => {}
                () = sleep_until(deadline) => self.evict(),
            }
        }
    }

    /// Admits a connection, also if there is no room.
    pub(super) fn admit(&self) -> Admission {
        let mut connections = self.0.lock();
        let (number, evicted) = (connections.next, Arc::new(Notify::new()));
        connections.next += 1;
        connections.open += 1;
        let pending = PendingConnection {
            since: Instant::now(),
            evicted: evicted.clone(),
        };
        connections.pending.insert(number, pending);
        Admission {
            shared: self.0.clone(),
            number,
            evicted,
        }
    }

    /// Returns the time at which the oldest connection may be evicted, if there is no room.
    fn wait_until(&self) -> Option<Instant> {
        let (connections, limits) = (self.0.lock(), &self.0.limits);
        let is_full = connections.open >= limits.devices
            || connections.pending.len() >= limits.pending_devices;
        let oldest = connections.pending.values().next();
        is_full.then(|| oldest.map_or_else(Instant::now, |oldest| oldest.since) + GRACE)
    }

    fn log_limit(&self) {
        let (mut connections, devices) = (self.0.lock(), self.0.limits.devices);
        let is_told = connections
            .limit_logged
            .is_some_and(|at| at.elapsed() < LOG_INTERVAL);
        if connections.open >= devices && !is_told {
            connections.limit_logged = Some(Instant::now());
            warn!(
                connections = devices,
                "too many device connections: further ones wait; raise the limit of open files (ulimit -n)"
            );
        }
    }

    fn evict(&self) {
        let oldest = self.0.lock().pending.pop_first();
        if let Some((_, oldest)) = oldest {
            oldest.evicted.notify_one();
        }
    }
}

impl Admission {
    /// Notes that the connection has been accepted with CONNACK: it is a device's.
    pub(super) fn accepted(&self) {
        self.shared.lock().pending.remove(&self.number);
        self.shared.changed.notify_one();
    }

    /// Waits until the connection has to give way to another.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut connections = self.shared.lock();
        connections.open -= 1;
        connections.pending.remove(&self.number);
        drop(connections);
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::time::Instant;

    use super::*;

    fn admissions() -> Admissions {
        Admissions::new(ConnectionLimits {
            devices: 4,
            pending_devices: 2,
            http: 1,
        })
    }

    fn has_room(admissions: &Admissions) -> bool {
        admissions.room().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_give_way_to_one_another_after_a_while() {
        let admissions = admissions();
        let start = Instant::now();
        let [first, second] = [(); 2].map(|()| admissions.admit());
        assert!(!has_room(&admissions));
        admissions.room().await;
        assert_eq!(start.elapsed(), GRACE);
        assert!(first.evicted().now_or_never().is_some());
        assert!(second.evicted().now_or_never().is_none());
        drop(first);
        assert!(has_room(&admissions));
    }

    #[tokio::test(start_paused = true)]
    async fn devices_keep_their_place_and_leave_room_for_strangers() {
        let admissions = admissions();
        let devices = [(); 3].map(|()| {
            let device = admissions.admit();
            device.accepted();
            device
        });
        assert!(has_room(&admissions));
        let stranger = admissions.admit();
        assert!(!has_room(&admissions), "there are as many as may be");
        admissions.room().now_or_never();
        for device in &devices {
            assert!(device.evicted().now_or_never().is_none());
        }
        let start = Instant::now();
        let waiting = tokio::spawn({
            let admissions = admissions.clone();
            async move { admissions.room().await }
        });
        tokio::task::yield_now().await;
        drop(stranger);
        waiting.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
