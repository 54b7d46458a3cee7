//! Answers on their way out: each waits for its batch, and leaves only on the connection its question came by.

use super::{
    Device, Milestone,
    behaviour::{Behaviour, Reply},
    inbox::{Command, Message},
};
use crate::{
    hub::session::telemetry_names,
    mqtt::{Receipt, Transport},
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
        let accepted = self.store.accepted();
        let epoch = self.connection.epoch;
        let Some(session) = self.connection.session() else {
            self.departures.clear();
            return;
        };
        let mut result = Ok(());
        for (_, departure) in self
            .departures
            .extract_if(.., |(after, _)| *after <= accepted)
        {
            result = result.and(match departure {
                Departure::Reply {
                    epoch: of,
                    request,
                    reply,
                } if of == epoch => session.reply(&request, reply),
                Departure::Acknowledgment { epoch: of, receipt } if of == epoch => {
                    session.acknowledge(receipt)
                }
                // Its connection is gone, and with it whoever waited.
                Departure::Reply { .. } | Departure::Acknowledgment { .. } => Ok(()),
            });
        }
        let now = self.clock.monotonic();
        match result.and_then(|()| session.pump(self.store.outbox(), accepted, now)) {
            Ok(left) => {
                for message in left {
                    let names = telemetry_names(&message.body).unwrap_or_default();
                    (self.observer)(Milestone::Sending(names));
                }
            }
            Err(error) => self.lost(&error),
        }
    }
}
