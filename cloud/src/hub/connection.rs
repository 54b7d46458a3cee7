//! The connection of a device, of which each has at most one.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{Entry, Error, Hub, entry, methods::MethodOutcome, twin::DesiredPush};
use crate::{
    clock::now,
    events::{D2cMessage, EventKind},
    identity::Status,
    mqtt::Close,
    store::Store,
};

/// A task that the hub gives to a connection.
#[derive(Debug)]
pub(crate) enum Push {
    /// Push changed desired properties.
    Desired(DesiredPush),
    /// Send a method call.
    Method(MethodPush),
    /// Send the queued cloud-to-device messages.
    Messages,
    /// Send held packets whose timeout has passed.
    Overdue,
    /// Close the connection.
    Close(Close),
}

/// A method call to send to the device.
#[derive(Clone, Debug)]
pub(crate) struct MethodPush {
    pub(super) topic: String,
    pub(super) rid: String,
    pub(super) payload: Vec<u8>,
}

/// The connection as the hub holds it.
pub(super) struct ActiveConnection {
    id: u64,
    /// Unbounded: the connection receives at once, and closes itself if the device does not read.
    pushes: mpsc::UnboundedSender<Push>,
    /// Callers of pending methods, by `$rid`. Dropped with the connection, which ends their calls.
    pub(super) calls: HashMap<String, oneshot::Sender<MethodOutcome>>,
}

impl ActiveConnection {
    pub(super) fn push(&self, push: Push) {
        // A connection that is closing receives nothing more, and is about to report its end.
        let _ = self.pushes.send(push);
    }
}

/// The connection as its task holds it: the device counts as connected until this is dropped.
pub(crate) struct ConnectionGuard {
    hub: Hub,
    device_id: String,
    connection: u64,
    pub(super) session_present: bool,
    pub(super) pushes: mpsc::UnboundedReceiver<Push>,
    pub(super) close_reason: Close,
}

impl ConnectionGuard {
    pub(super) fn device_id(&self) -> &str {
        &self.device_id
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Runs `act` on the device's entry and the store.
    ///
    /// # Errors
    /// The reason to close, if this is no longer the device's connection.
    pub(super) fn with_entry<T>(
        &self,
        act: impl FnOnce(&mut Entry, &Store) -> T,
    ) -> Result<T, Close> {
        let mut entries = self.hub.entries();
        let entry = entries.get_mut(&self.device_id).ok_or(Close::Removed)?;
        if !entry.is_current_connection(self.connection) {
            return Err(Close::TakenOver);
        }
        entry.device.last_activity = Some(now());
        Ok(act(entry, self.hub.store()))
    }

    /// Records the device's will, even if another connection has taken over.
    pub(super) fn publish_will(&self, will: D2cMessage) {
        let will = EventKind::Telemetry(will);
        self.hub.store().record(&self.device_id, will);
    }

    /// Notifies callers that wait for the device to subscribe to methods.
    pub(super) fn notify_presence(&self) {
        self.hub.inner.presence.send_replace(());
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.hub
            .connection_ended(&self.device_id, self.connection, &self.close_reason);
    }
}

impl Hub {
    /// Registers a connection of the device, and closes the previous one.
    ///
    /// # Errors
    /// `DeviceNotFound`, `DeviceDisabled`.
    pub(super) fn connect(
        &self,
        id: &str,
        clean: bool,
        model_id: Option<String>,
    ) -> Result<ConnectionGuard, Error> {
        let mut entries = self.entries();
        let entry = entry(&mut entries, id)?;
        if entry.device.status == Status::Disabled {
            return Err(Error::DeviceDisabled);
        }
        self.disconnect(entry, Close::TakenOver);
        let (pushes, receiver) = mpsc::unbounded_channel();
        let connection = self.next_number();
        entry.connection = Some(ActiveConnection {
            id: connection,
            pushes,
            calls: HashMap::new(),
        });
        let now = now();
        entry.set_connected(true, now);
        entry.device.last_activity = Some(now);
        let session_present = entry.session.open(clean);
        if model_id.is_some() {
            entry.model_id.clone_from(&model_id);
        }
        let connected = EventKind::Connected {
            model_id,
            session_present,
        };
        self.store().record(id, connected);
        entry.persist(self.store());
        drop(entries);
        self.inner.presence.send_replace(());
        Ok(ConnectionGuard {
            hub: self.clone(),
            device_id: id.to_owned(),
            connection,
            session_present,
            pushes: receiver,
            close_reason: Close::Lost,
        })
    }

    /// Records the end of a connection, unless another one has taken over.
    fn connection_ended(&self, id: &str, connection: u64, reason: &Close) {
        let mut entries = self.entries();
        if let Some(entry) = entries.get_mut(id)
            && entry.is_current_connection(connection)
        {
            self.remove_connection(entry, reason);
        }
    }

    /// Closes the device's connection, if there is one.
    pub(super) fn disconnect(&self, entry: &mut Entry, reason: Close) {
        entry.close(reason.clone());
        self.remove_connection(entry, &reason);
    }

    fn remove_connection(&self, entry: &mut Entry, reason: &Close) {
        if entry.connection.take().is_some() {
            self.record_disconnect(entry, reason, None);
        }
    }

    /// Records that a device is disconnected, with the time if that was earlier.
    pub(super) fn record_disconnect(
        &self,
        entry: &mut Entry,
        reason: &Close,
        since: Option<Timestamp>,
    ) {
        entry.set_connected(false, now());
        entry.session.close();
        entry.queue.reset();
        let disconnected = EventKind::Disconnected {
            reason: reason.to_string(),
            since,
        };
        self.store().record(&entry.device.device_id, disconnected);
        entry.persist(self.store());
    }
}

impl Entry {
    /// Gives a task to the device's connection, if there is one.
    pub(super) fn push(&self, push: Push) {
        if let Some(connection) = &self.connection {
            connection.push(push);
        }
    }

    fn is_current_connection(&self, connection: u64) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|own| own.id == connection)
    }

    /// Tells the device's connection to close.
    pub(super) fn close(&self, reason: Close) {
        self.push(Push::Close(reason));
    }

    fn set_connected(&mut self, connected: bool, at: Timestamp) {
        self.device.connected = connected;
        self.device.connection_updated = Some(at);
    }
}
