//! Command replies and message acknowledgments, each held until its batch is accepted, and sent only on the connection its
//! request came by.

use bytes::Bytes;

use super::{
    Device, DeviceEvent,
    inbox::{MessageOrigin, PendingCommand, PendingMessage},
};
use crate::{
    contract::behaviour::Behaviour,
    hub::{reply::Reply, session::telemetry_names},
    mqtt::{Receipt, Transport},
    store::Progress,
};

/// A reply, bound to the connection of this generation.
pub(super) enum PendingReply {
    Command {
        generation: u64,
        request: String,
        reply: Reply,
    },
    Acknowledgment {
        generation: u64,
        receipt: Receipt,
    },
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Queues the reply to a command until batch `after` is accepted.
    pub(super) fn reply(&mut self, command: &PendingCommand, reply: Reply, after: u64) {
        (self.observer)(DeviceEvent::Answered(&command.name, &reply));
        let reply = PendingReply::Command {
            generation: command.generation,
            request: command.request.clone(),
            reply,
        };
        self.pending_replies.push((after, reply));
    }

    /// Queues the acknowledgment of a message until batch `after` is safe.
    pub(super) fn acknowledge(&mut self, message: &PendingMessage, after: u64) {
        if let MessageOrigin::Hub {
            generation,
            receipt: Some(receipt),
        } = message.origin
        {
            let reply = PendingReply::Acknowledgment {
                generation,
                receipt,
            };
            self.pending_replies.push((after, reply));
        }
    }

    /// Sends everything whose batch is accepted.
    pub(super) fn flush(&mut self) {
        let Progress {
            accepted, durable, ..
        } = self.store.sync(&*self.clock);
        self.swap.send_steps(accepted);
        self.drop_stale_replies();
        self.drain_deadline = None;
        let Some(session) = self.connection.session() else {
            return;
        };
        let mut result = Ok(());
        // The hub redelivers a message until it is acknowledged, so that waits for the disk even while it fails.
        let ready = |(after, reply): &mut (u64, PendingReply)| match reply {
            PendingReply::Command { .. } => *after <= accepted,
            PendingReply::Acknowledgment { .. } => *after <= durable,
        };
        for (_, reply) in self.pending_replies.extract_if(.., ready) {
            result = result.and(match reply {
                PendingReply::Command { request, reply, .. } => session.reply(&request, reply),
                PendingReply::Acknowledgment { receipt, .. } => session.acknowledge(receipt),
            });
        }
        let now = self.clock.monotonic();
        match result.and_then(|()| session.send_pending(self.store.outbox(), accepted, now)) {
            Ok(first) => {
                // A session that may not send is woken by an incoming packet.
                let may_send = session.may_send();
                self.drain_deadline = self.store.outbox().deadline(accepted).filter(|_| may_send);
                self.observe_first_telemetry(first);
            }
            Err(error) => self.lost(&error),
        }
    }

    /// Drops the replies of closed connections, whose requesters are gone.
    fn drop_stale_replies(&mut self) {
        let current = self.connection.generation;
        let online = self.connection.session().is_some();
        let before = self.pending_replies.len();
        self.pending_replies.retain(|(_, reply)| {
            let (PendingReply::Command { generation, .. }
            | PendingReply::Acknowledgment { generation, .. }) = reply;
            online && *generation == current
        });
        let dropped = before - self.pending_replies.len();
        if dropped > 0 {
            tracing::warn!(
                device = &*self.name,
                dropped,
                "replies dropped: connection closed"
            );
        }
    }

    fn observe_first_telemetry(&mut self, body: Option<Bytes>) {
        if let Some(body) = body.filter(|_| !self.telemetry_sent) {
            self.telemetry_sent = true;
            let names = telemetry_names(&body).unwrap_or_default();
            (self.observer)(DeviceEvent::Sending(names));
        }
    }
}
