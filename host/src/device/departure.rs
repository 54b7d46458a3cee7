//! Answers on their way out: each waits for its batch, and leaves only on the connection its question came by.

use bytes::Bytes;

use super::{
    Device, Milestone,
    behaviour::{Behaviour, Reply},
    inbox::{Command, Message},
};
use crate::{
    hub::session::telemetry_names,
    mqtt::{Receipt, Transport},
    store::Progress,
};

/// An answer, bound to the connection of this epoch.
pub(super) enum Departure {
    Reply {
        epoch: u64,
        request: String,
        reply: Reply,
    },
    Acknowledgment {
        epoch: u64,
        receipt: Receipt,
    },
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Queues an answer to a command until batch `after` is accepted.
    pub(super) fn reply(&mut self, command: &Command, reply: Reply, after: u64) {
        (self.observer)(Milestone::Command(command.name.clone(), reply.status));
        let departure = Departure::Reply {
            epoch: command.epoch,
            request: command.request.clone(),
            reply,
        };
        self.departures.push((after, departure));
    }

    pub(super) fn acknowledge(&mut self, message: &Message, after: u64) {
        if let Some(receipt) = message.receipt {
            self.departures.push((
                after,
                Departure::Acknowledgment {
                    epoch: message.epoch,
                    receipt,
                },
            ));
        }
    }

    /// Lets everything leave whose batch is accepted.
    pub(super) fn depart(&mut self) {
        let Progress { accepted, safe, .. } = self.store.settle(&*self.clock);
        self.turnover.tell(accepted);
        self.drop_strays();
        self.drain_deadline = None;
        let Some(session) = self.connection.session() else {
            return;
        };
        let mut result = Ok(());
        // The hub delivers a message again until it is acknowledged, so that waits for the disk even while it fails.
        let ready = |(after, departure): &mut (u64, Departure)| match departure {
            Departure::Reply { .. } => *after <= accepted,
            Departure::Acknowledgment { .. } => *after <= safe,
        };
        for (_, departure) in self.departures.extract_if(.., ready) {
            result = result.and(match departure {
                Departure::Reply { request, reply, .. } => session.reply(&request, reply),
                Departure::Acknowledgment { receipt, .. } => session.acknowledge(receipt),
            });
        }
        let now = self.clock.monotonic();
        match result.and_then(|()| session.pump(self.store.outbox(), accepted, now)) {
            Ok(first) => {
                // What keeps the session from sending ends with something it is told.
                let may_send = session.may_send();
                self.drain_deadline = self.store.outbox().deadline(accepted).filter(|_| may_send);
                self.tell_first(first);
            }
            Err(error) => self.lost(&error),
        }
    }

    /// Drops the answers whose connection is gone, and with it whoever waited.
    fn drop_strays(&mut self) {
        let epoch = self.connection.epoch;
        let online = self.connection.session().is_some();
        let before = self.departures.len();
        self.departures.retain(|(_, departure)| {
            let (Departure::Reply { epoch: of, .. } | Departure::Acknowledgment { epoch: of, .. }) =
                departure;
            online && *of == epoch
        });
        let dropped = before - self.departures.len();
        if dropped > 0 {
            tracing::warn!(
                device = &*self.name,
                dropped,
                "answers were dropped: their connection is gone"
            );
        }
    }

    fn tell_first(&mut self, body: Option<Bytes>) {
        if let Some(body) = body.filter(|_| !self.sending) {
            self.sending = true;
            let names = telemetry_names(&body).unwrap_or_default();
            (self.observer)(Milestone::Sending(names));
        }
    }
}
