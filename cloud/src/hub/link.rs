//! The one connection a device may have, as the hub holds it.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::Error;
use super::twin::DesiredPush;
use super::{Entry, EventKind, Hub, Message, MethodReply, Status, entry, now};
use crate::mqtt::Close;
use crate::store::Store;

/// Something a connection is to send, or to do.
#[derive(Debug)]
pub(crate) enum Push {
    /// Desired properties changed.
    Desired(DesiredPush),
    /// A method is called.
    Method(MethodPush),
    /// There are messages to fetch.
    Messages,
    /// What was held back has waited long enough.
    Overdue,
    /// The connection must end.
    Close(Close),
}

/// A call on its way to the device.
#[derive(Clone, Debug)]
pub(crate) struct MethodPush {
    pub(super) topic: String,
    pub(super) rid: String,
    pub(super) payload: Vec<u8>,
}

/// The hub's end of a connection.
pub(super) struct Link {
    id: u64,
    /// Unbounded: the connection takes everything at once, and ends itself when the device does not read.
    pushes: mpsc::UnboundedSender<Push>,
    /// Who waits for which answer. Dropped with the link, which tells the callers.
    pub(super) calls: HashMap<String, oneshot::Sender<MethodReply>>,
}

impl Link {
    pub(super) fn push(&self, push: Push) {
        // A connection that is just ending takes nothing more, and the hub hears of its end in a moment.
        let _ = self.pushes.send(push);
    }
}

/// The connection's end: as long as it lives, the device counts as connected.
pub(crate) struct Attachment {
    hub: Hub,
    device_id: String,
    link: u64,
    pub(super) session_present: bool,
    pub(super) pushes: mpsc::UnboundedReceiver<Push>,
    pub(super) ending: Close,
}

impl Attachment {
    pub(super) fn device_id(&self) -> &str {
        &self.device_id
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Does something with the device's entry, and the store, on behalf of this connection.
    ///
    /// # Errors
    /// The connection is no longer the device's own.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Entry, &Store) -> T) -> Result<T, Close> {
        let mut state = self.hub.state();
        let entry = state.get_mut(&self.device_id).ok_or(Close::Removed)?;
        if !entry.is_linked_by(self.link) {
            return Err(Close::TakenOver);
        }
        entry.device.last_activity = Some(now());
        Ok(act(entry, self.hub.store()))
    }

    /// Records the device's will. Unlike [`Attachment::with`], for a connection that was taken over too.
    pub(super) fn speak_last(&self, will: Message) {
        let will = EventKind::Telemetry(will);
        self.hub.store().record(&self.device_id, will);
    }

    /// A subscription was made: a call that waits may go out.
    pub(super) fn announce_presence(&self) {
        self.hub.inner.presence.send_replace(());
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.hub.detach(&self.device_id, self.link, &self.ending);
    }
}

impl Hub {
    /// Makes a connection the device's own. One that was there before is ended.
    pub(super) fn attach(
        &self,
        id: &str,
        clean: bool,
        model_id: Option<String>,
    ) -> Result<Attachment, Error> {
        let mut state = self.state();
        let entry = entry(&mut state, id)?;
        if entry.device.status == Status::Disabled {
            return Err(Error::DeviceDisabled);
        }
        self.drop_link(entry, Close::TakenOver);
        let (pushes, receiver) = mpsc::unbounded_channel();
        let link = self.number();
        entry.link = Some(Link {
            id: link,
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
        entry.keep(self.store());
        drop(state);
        self.inner.presence.send_replace(());
        Ok(Attachment {
            hub: self.clone(),
            device_id: id.to_owned(),
            link,
            session_present,
            pushes: receiver,
            ending: Close::Lost,
        })
    }

    /// A connection ended. If it is no longer the device's own, all is said already.
    fn detach(&self, id: &str, link: u64, reason: &Close) {
        let mut state = self.state();
        if let Some(entry) = state.get_mut(id)
            && entry.is_linked_by(link)
        {
            self.unlink(entry, reason);
        }
    }

    /// Ends the device's connection, if there is one.
    pub(super) fn drop_link(&self, entry: &mut Entry, reason: Close) {
        entry.close(reason.clone());
        self.unlink(entry, &reason);
    }

    fn unlink(&self, entry: &mut Entry, reason: &Close) {
        if entry.link.take().is_some() {
            self.disconnected(entry, reason, None);
        }
    }

    /// Notes that a device is connected no more, and since when, if that is not now.
    pub(super) fn disconnected(&self, entry: &mut Entry, reason: &Close, since: Option<Timestamp>) {
        entry.set_connected(false, now());
        entry.session.close();
        entry.queue.reset();
        let disconnected = EventKind::Disconnected {
            reason: reason.to_string(),
            since,
        };
        self.store().record(&entry.device.device_id, disconnected);
        entry.keep(self.store());
    }
}

impl Entry {
    /// Gives the device's connection something to do, if there is one.
    pub(super) fn push(&self, push: Push) {
        if let Some(link) = &self.link {
            link.push(push);
        }
    }

    fn is_linked_by(&self, link: u64) -> bool {
        self.link.as_ref().is_some_and(|own| own.id == link)
    }

    /// Tells the device's connection to end.
    pub(super) fn close(&self, reason: Close) {
        self.push(Push::Close(reason));
    }

    fn set_connected(&mut self, connected: bool, at: Timestamp) {
        self.device.connected = connected;
        self.device.connection_updated = Some(at);
    }
}
