//! Cloud-to-device messages: a queue per device, emptied by the device's PUBACKs.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::mem;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Error;
use super::link::Push;
use super::{Entry, Hub, entry, properties, topic};
use crate::mqtt::{Publish, Qos};
use crate::store::{Content, StoredMessage};

/// So many messages wait for one device.
pub const QUEUE_LIMIT: usize = 50;
/// A message's body and properties together, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;
/// What MQTT takes as a topic, in bytes.
const TOPIC_LIMIT: usize = u16::MAX as usize;

/// The messages that wait for one device, oldest first.
#[derive(Default)]
pub(super) struct Queue {
    messages: VecDeque<Waiting>,
    last_packet_id: u16,
    /// The last that was given to a message.
    last_number: u64,
    /// What the store does not have as it is now, by number.
    changed: BTreeSet<u64>,
}

struct Waiting {
    /// In the order in which they were queued.
    number: u64,
    topic: String,
    body: Bytes,
    /// Set while the present connection has it and has not acknowledged it.
    in_flight: Option<u16>,
    sent_before: bool,
}

/// What the store keeps of a message beside its body.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    topic: Cow<'a, str>,
    sent_before: bool,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The connection ended: what it did not acknowledge is sent again on the next.
    pub(super) fn reset(&mut self) {
        for message in &mut self.messages {
            message.in_flight = None;
        }
    }

    fn push(&mut self, topic: String, body: Bytes) -> Result<(), Error> {
        if self.messages.len() >= QUEUE_LIMIT {
            return Err(Error::QueueFull { limit: QUEUE_LIMIT });
        }
        self.last_number += 1;
        self.changed.insert(self.last_number);
        self.messages.push_back(Waiting {
            number: self.last_number,
            topic,
            body,
            in_flight: None,
            sent_before: false,
        });
        Ok(())
    }

    /// Everything the connection does not have yet, or everything of that twice. At QoS 0 a message is done when it is
    /// sent.
    fn take(&mut self, qos: Qos, twice: bool) -> Vec<Publish> {
        if qos == Qos::AtMostOnce {
            let all = self.messages.iter().map(|waiting| waiting.publish(None));
            let copies = 1 + usize::from(twice);
            let publishes = all.flat_map(|one| vec![one; copies]).collect();
            self.clear();
            return publishes;
        }
        let mut publishes = Vec::new();
        for index in 0..self.messages.len() {
            let packet_id = self.free_packet_id();
            // Azure delivers a message again, under another packet id, that is not acknowledged in time.
            let again = twice.then(|| self.free_packet_id());
            if let Some(waiting) = self.messages.get_mut(index)
                && waiting.in_flight.is_none()
            {
                publishes.push(waiting.publish(Some(packet_id)));
                waiting.in_flight = Some(packet_id);
                waiting.sent_before = true;
                self.changed.insert(waiting.number);
                publishes.extend(again.map(|packet_id| waiting.publish(Some(packet_id))));
            }
        }
        publishes
    }

    fn free_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            let id = Some(self.last_packet_id);
            if self.messages.iter().all(|waiting| waiting.in_flight != id) {
                return self.last_packet_id;
            }
        }
    }

    /// The device has it.
    pub(super) fn acknowledge(&mut self, packet_id: u16) {
        self.messages.retain(|waiting| {
            let acknowledged = waiting.in_flight == Some(packet_id);
            if acknowledged {
                self.changed.insert(waiting.number);
            }
            !acknowledged
        });
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        let gone = self.messages.drain(..).map(|waiting| waiting.number);
        self.changed.extend(gone);
    }

    /// What the store is to have since it was asked last, by number: nothing for a message that is gone.
    pub(super) fn changes(&mut self) -> Vec<(u64, Option<Content>)> {
        let changed = mem::take(&mut self.changed).into_iter();
        let now = |number| {
            let waiting = self
                .messages
                .iter()
                .find(|waiting| waiting.number == number);
            (number, waiting.map(Waiting::content))
        };
        changed.map(now).collect()
    }

    /// Puts a message back at the end.
    pub(super) fn restore(&mut self, message: StoredMessage) -> serde_json::Result<()> {
        let record: Record<'_> = serde_json::from_str(&message.document)?;
        self.last_number = message.number;
        self.messages.push_back(Waiting {
            number: message.number,
            topic: record.topic.into_owned(),
            body: message.body.into(),
            in_flight: None,
            sent_before: record.sent_before,
        });
        Ok(())
    }
}

impl Waiting {
    fn content(&self) -> Content {
        let record = Record {
            topic: Cow::Borrowed(&self.topic),
            sent_before: self.sent_before,
        };
        Content::json(&record).with_body(self.body.clone())
    }

    fn publish(&self, packet_id: Option<u16>) -> Publish {
        Publish {
            dup: packet_id.is_some() && self.sent_before,
            qos: match packet_id {
                Some(_) => Qos::AtLeastOnce,
                None => Qos::AtMostOnce,
            },
            retain: false,
            topic: self.topic.clone(),
            packet_id,
            payload: self.body.clone(),
        }
    }
}

impl Hub {
    /// Queues a message for a device, which gets it as soon as it is connected and listens. System properties go
    /// under their short names (`$.ct`); a message without `$.mid` gets one. Returns the message id.
    ///
    /// # Errors
    /// `DeviceNotFound`, `TooLarge`, `QueueFull`.
    pub fn send_message(
        &self,
        id: &str,
        body: Bytes,
        mut properties: Vec<(String, String)>,
    ) -> Result<String, Error> {
        let sizes = properties.iter().map(|(k, v)| k.len() + v.len());
        check_size("the message", body.len() + sizes.sum::<usize>(), BODY_LIMIT)?;
        let message_id = message_id(&mut properties);
        let to = format!("/devices/{id}/messages/deviceBound");
        let pairs = properties.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let bag = properties::bag(pairs.chain([("$.to", to.as_str())]));
        let topic = topic::device_bound(id, &bag);
        check_size(
            "the topic with the message's properties",
            topic.len(),
            TOPIC_LIMIT,
        )?;
        let mut state = self.state();
        let entry = entry(&mut state, id)?;
        entry.queue.push(topic, body)?;
        entry.keep_messages(self.store());
        entry.push(Push::Messages);
        Ok(message_id)
    }
}

impl Entry {
    /// What the device's connection should be sent now.
    pub(super) fn take_messages(&mut self, twice: bool) -> Vec<Publish> {
        let topic = topic::device_bound(&self.device.device_id, "");
        match self.session.qos(&topic) {
            Some(qos) => self.queue.take(qos, twice),
            None => Vec::new(),
        }
    }
}

fn message_id(properties: &mut Vec<(String, String)>) -> String {
    if let Some((_, given)) = properties.iter().find(|(key, _)| key == "$.mid") {
        return given.clone();
    }
    let made = format!("{:032x}", rand::random::<u128>());
    properties.insert(0, ("$.mid".to_owned(), made.clone()));
    made
}

fn check_size(what: &'static str, bytes: usize, limit: usize) -> Result<(), Error> {
    match bytes > limit {
        true => Err(Error::TooLarge { what, bytes, limit }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(count: usize) -> Queue {
        let mut queue = Queue::default();
        for n in 0..count {
            queue.push(format!("t/{n}"), Bytes::new()).unwrap();
        }
        queue
    }

    #[test]
    fn a_message_is_sent_once_per_connection_until_it_is_acknowledged() {
        let mut queue = queue(2);
        let first = queue.take(Qos::AtLeastOnce, false);
        assert_eq!(first.len(), 2);
        assert!(first.iter().all(|publish| !publish.dup));
        assert!(queue.take(Qos::AtLeastOnce, false).is_empty());

        queue.acknowledge(first[0].packet_id.unwrap());
        queue.reset();
        let again = queue.take(Qos::AtLeastOnce, false);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].topic, "t/1");
        assert!(again[0].dup);
    }

    #[test]
    fn the_fifty_first_message_is_refused() {
        let mut queue = queue(QUEUE_LIMIT);
        assert!(matches!(
            queue.push("t".into(), Bytes::new()),
            Err(Error::QueueFull { .. })
        ));
    }

    #[test]
    fn packet_ids_wrap_without_zero_and_without_touching_one_in_use() {
        let mut queue = queue(2);
        queue.last_packet_id = u16::MAX - 1;
        let ids: Vec<_> = queue
            .take(Qos::AtLeastOnce, false)
            .iter()
            .map(|p| p.packet_id)
            .collect();
        assert_eq!(ids, [Some(u16::MAX), Some(1)]);
    }
}
