//! What cannot be delivered is set aside, and what a person wants done with it.

use super::{
    Device, InHand,
    behaviour::{Behaviour, Failure},
    inbox::Message,
};
use crate::{
    hub::poison::Turn,
    mqtt::Transport,
    store::{
        aside::{CloudMessage, Decision, Settled, Undelivered},
        batch::{AsideChange, Batch},
    },
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// The hub has acknowledged a message, which may show that an earlier one is poison.
    pub(super) fn set_poison_aside(&mut self) {
        if let Some(id) = self.store.outbox().poison() {
            let why = "the hub closes the connection on it, and took the message after it";
            self.set_aside(AsideChange::Outgoing(id, why.to_owned()));
        }
    }

    /// The hub has refused a report for good.
    pub(super) fn set_report_aside(&mut self, id: u64, status: u16) {
        let why = format!("the hub refused it with status {status}");
        self.set_aside(AsideChange::Outgoing(id, why));
    }

    /// The component has failed on a message too often; it is acknowledged once it is kept.
    pub(super) fn set_message_aside(&mut self, message: &Message, failure: &Failure) {
        let why = format!("the component failed on it: {failure}");
        let content = CloudMessage {
            properties: message.properties.clone(),
            body: message.body.clone(),
        };
        let number = self.set_aside(AsideChange::Message(content, why));
        self.acknowledge(message, number);
    }

    /// Returns the number of the batch with which it is kept.
    fn set_aside(&mut self, change: AsideChange) -> u64 {
        let before = self.store.aside().tally();
        let number = self.commit(Batch {
            aside: vec![change],
            ..Batch::default()
        });
        let tally = self.store.aside().tally();
        if let Some(entry) = self.store.aside().get(tally.total) {
            tracing::error!(
                device = &*self.name,
                id = tally.total,
                kind = entry.what.kind(),
                why = entry.why,
                "set aside; `host outbox` lists it, and lets it be sent again"
            );
        }
        if tally.given_way > before.given_way {
            let total = tally.given_way;
            tracing::warn!(
                device = &*self.name,
                total,
                "too much is set aside; the oldest gave way"
            );
        }
        number
    }

    /// Does what a person wants done with what is set aside, or with one thing of it.
    pub(super) fn settle_aside(
        &mut self,
        wish: Decision,
        id: Option<u64>,
    ) -> Result<Settled, String> {
        let ids: Vec<u64> = match id {
            Some(id) if self.store.aside().get(id).is_none() => {
                return Err(format!(
                    "nothing is set aside under {id}; `host outbox` lists what is"
                ));
            }
            Some(id) => vec![id],
            None => self.store.aside().entries().map(|(id, _)| id).collect(),
        };
        let (done, left): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .partition(|id| wish == Decision::Discard || self.can_retry(*id));
        if id.is_some() && done.is_empty() {
            return Err("the component that runs takes no messages".to_owned());
        }
        let mut batch = Batch::default();
        for id in &done {
            match wish {
                Decision::Retry => self.retry(*id, &mut batch),
                Decision::Discard => {
                    self.inbox.forget_retry(*id);
                    batch.aside.push(AsideChange::Gone(*id));
                }
            }
        }
        if batch != Batch::default() {
            self.commit(batch);
        }
        Ok(Settled { done, left })
    }

    fn can_retry(&self, id: u64) -> bool {
        let entry = self.store.aside().get(id);
        let is_message = entry.is_some_and(|it| matches!(it.what, Undelivered::Message(_)));
        self.takes_messages || !is_message
    }

    /// A message for the component stays aside until its call went well, which is tried once.
    fn retry(&mut self, id: u64, batch: &mut Batch) {
        let entry = self.store.aside().get(id);
        let Some(Undelivered::Message(content)) = entry.map(|entry| &entry.what) else {
            batch.aside.push(AsideChange::Return(id));
            return;
        };
        let is_this = |about: &InHand| matches!(about, InHand::Message(it) if it.aside == Some(id));
        if !self.in_hand.as_ref().is_some_and(is_this) {
            self.inbox.retry(Message {
                epoch: self.connection.epoch,
                receipt: None,
                aside: Some(id),
                came: self.clock.monotonic(),
                failures: 0,
                properties: content.properties.clone(),
                body: content.body.clone(),
            });
        }
    }

    /// The connection is gone, and what may have been on its way is to be sent again.
    pub(super) fn rewind(&mut self) {
        let by_server = std::mem::take(&mut self.connection.closed_by_server);
        let Some(turn) = self.store.outbox().rewind(by_server) else {
            return;
        };
        let (id, says) = match turn {
            Turn::Alone(id) => (
                id,
                "three connections were closed on one message; it is sent alone",
            ),
            Turn::Over(id) => (
                id,
                "and one on it alone; the message after it is to show why",
            ),
            Turn::Back(id) => (
                id,
                "the message after it shows nothing; it returns to its place",
            ),
        };
        tracing::warn!(device = &*self.name, id, "{says}");
    }
}
