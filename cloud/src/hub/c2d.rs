//! Cloud-to-device messages: a queue per device, from which PUBACKs remove.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
    mem,
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Entry, Error, Hub, connection::Push, entry, properties, topic};
use crate::{
    clock::{format_timestamp, now},
    mqtt::{Publish, Qos},
    store::{Content, StoredMessage},
};

/// The largest number of queued messages per device.
pub const MAX_C2D_QUEUE: usize = 50;
/// The largest message, body and properties together, in bytes.
pub const MAX_C2D_MESSAGE: usize = 64 * 1024;
/// The time to live of a message that has no `$.exp`.
const DEFAULT_TTL: SignedDuration = SignedDuration::from_hours(1);
/// The longest time to live of a message.
const MAX_TTL: SignedDuration = SignedDuration::from_hours(48);
/// The longest topic of MQTT, in bytes.
const MAX_TOPIC: usize = u16::MAX as usize;

/// The queued messages of one device, oldest first.
#[derive(Default)]
pub(super) struct C2dQueue {
    messages: VecDeque<QueuedMessage>,
    last_packet_id: u16,
    /// The number of the newest message.
    last_number: u64,
    /// Numbers of the messages that changed since the last [`C2dQueue::changes`].
    changed: BTreeSet<u64>,
}

struct QueuedMessage {
    /// Position in the queue, increasing.
    number: u64,
    topic: String,
    body: Bytes,
    /// Time from which it is not sent any more.
    expires: Timestamp,
    /// Packet id, while the current connection has not acknowledged the message.
    in_flight: Option<u16>,
    sent_before: bool,
}

/// The stored document of a message, without its body.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageDocument<'a> {
    topic: Cow<'a, str>,
    sent_before: bool,
    /// Absent in databases of older versions.
    expires: Option<Timestamp>,
}

impl C2dQueue {
    /// Returns the number of messages that have not expired.
    pub(super) fn len(&self, now: Timestamp) -> usize {
        let messages = self.messages.iter();
        messages.filter(|message| !message.is_expired(now)).count()
    }

    /// Removes the messages that have expired.
    pub(super) fn remove_expired(&mut self, now: Timestamp) {
        self.messages.retain(|message| {
            let expired = message.is_expired(now);
            if expired {
                self.changed.insert(message.number);
            }
            !expired
        });
    }

    /// Marks unacknowledged messages to be sent again on the next connection.
    pub(super) fn reset(&mut self) {
        for message in &mut self.messages {
            message.in_flight = None;
        }
    }

    fn push(
        &mut self,
        topic: String,
        body: Bytes,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.remove_expired(now);
        if self.messages.len() >= MAX_C2D_QUEUE {
            return Err(Error::QueueFull {
                limit: MAX_C2D_QUEUE,
            });
        }
        self.last_number += 1;
        self.changed.insert(self.last_number);
        self.messages.push_back(QueuedMessage {
            number: self.last_number,
            topic,
            body,
            expires,
            in_flight: None,
            sent_before: false,
        });
        Ok(())
    }

    /// Returns the messages to send on the connection, each of them twice if `duplicate`. At QoS 0 they leave the queue,
    /// and expired ones at any QoS.
    fn take_unsent(&mut self, qos: Qos, duplicate: bool, now: Timestamp) -> Vec<Publish> {
        self.remove_expired(now);
        if qos == Qos::AtMostOnce {
            let all = self.messages.iter().map(|message| message.publish(None));
            let copies = 1 + usize::from(duplicate);
            let publishes = all.flat_map(|one| vec![one; copies]).collect();
            self.clear();
            return publishes;
        }
        let mut publishes = Vec::new();
        for index in 0..self.messages.len() {
            let packet_id = self.free_packet_id();
            // Azure redelivers a message that is not acknowledged in time under another packet id.
            let again = duplicate.then(|| self.free_packet_id());
            if let Some(message) = self.messages.get_mut(index)
                && message.in_flight.is_none()
            {
                publishes.push(message.publish(Some(packet_id)));
                message.in_flight = Some(packet_id);
                message.sent_before = true;
                self.changed.insert(message.number);
                publishes.extend(again.map(|packet_id| message.publish(Some(packet_id))));
            }
        }
        publishes
    }

    fn free_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            let id = Some(self.last_packet_id);
            if self.messages.iter().all(|message| message.in_flight != id) {
                return self.last_packet_id;
            }
        }
    }

    /// Removes the message that the device acknowledged.
    pub(super) fn acknowledge(&mut self, packet_id: u16) {
        self.messages.retain(|message| {
            let acknowledged = message.in_flight == Some(packet_id);
            if acknowledged {
                self.changed.insert(message.number);
            }
            !acknowledged
        });
    }

    /// Removes all messages.
    pub(super) fn clear(&mut self) {
        let gone = self.messages.drain(..).map(|message| message.number);
        self.changed.extend(gone);
    }

    /// Returns the changes since the last call, by number: `None` for a message that was removed.
    pub(super) fn changes(&mut self) -> Vec<(u64, Option<Content>)> {
        let changed = mem::take(&mut self.changed).into_iter();
        let now = |number| {
            let message = self
                .messages
                .iter()
                .find(|message| message.number == number);
            (number, message.map(QueuedMessage::content))
        };
        changed.map(now).collect()
    }

    /// Appends a message read from the store. One without expiry lives for the default time from now on.
    pub(super) fn restore(
        &mut self,
        message: StoredMessage,
        now: Timestamp,
    ) -> serde_json::Result<()> {
        let document: MessageDocument<'_> = serde_json::from_str(&message.document)?;
        self.last_number = message.number;
        if document.expires.is_none() {
            self.changed.insert(message.number);
        }
        self.messages.push_back(QueuedMessage {
            number: message.number,
            topic: document.topic.into_owned(),
            body: message.body.into(),
            expires: document.expires.unwrap_or_else(|| after(now, DEFAULT_TTL)),
            in_flight: None,
            sent_before: document.sent_before,
        });
        Ok(())
    }
}

impl QueuedMessage {
    /// Returns true if it is not to be sent any more. One that was sent waits for its PUBACK until the connection ends.
    fn is_expired(&self, now: Timestamp) -> bool {
        self.in_flight.is_none() && self.expires <= now
    }

    fn content(&self) -> Content {
        let document = MessageDocument {
            topic: Cow::Borrowed(&self.topic),
            sent_before: self.sent_before,
            expires: Some(self.expires),
        };
        Content::json(&document).with_body(self.body.clone())
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
    /// Queues a message for a device, to be delivered once it is connected and subscribed. System properties have their
    /// short names (`$.ct`); a message without `$.mid` gets one, and one without `$.exp` (RFC 3339) expires after an hour.
    /// Returns the message id.
    ///
    /// # Errors
    /// `ArgumentInvalid` for `$.exp`, `DeviceNotFound`, `TooLarge`, `QueueFull`.
    pub fn send_message(
        &self,
        id: &str,
        body: Bytes,
        mut properties: Vec<(String, String)>,
    ) -> Result<String, Error> {
        let sizes = properties.iter().map(|(k, v)| k.len() + v.len());
        check_size(
            "the message",
            body.len() + sizes.sum::<usize>(),
            MAX_C2D_MESSAGE,
        )?;
        let now = now();
        let expires = expiry(&mut properties, now)?;
        let message_id = message_id(&mut properties);
        let to = format!("/devices/{id}/messages/deviceBound");
        let pairs = properties.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let bag = properties::bag(pairs.chain([("$.to", to.as_str())]));
        let topic = topic::device_bound(id, &bag);
        check_size(
            "the topic with the message properties",
            topic.len(),
            MAX_TOPIC,
        )?;
        let mut entries = self.entries();
        let entry = entry(&mut entries, id)?;
        entry.queue.push(topic, body, expires, now)?;
        entry.persist_messages(self.store());
        entry.push(Push::Messages);
        Ok(message_id)
    }
}

impl Entry {
    /// Returns the messages to send on the device's connection.
    pub(super) fn take_messages(&mut self, duplicate: bool) -> Vec<Publish> {
        let topic = topic::device_bound(&self.device.device_id, "");
        match self.session.qos(&topic) {
            Some(qos) => self.queue.take_unsent(qos, duplicate, now()),
            None => Vec::new(),
        }
    }
}

/// Returns the time at which a message expires, and writes a given `$.exp` in the one form of the wire.
fn expiry(properties: &mut [(String, String)], now: Timestamp) -> Result<Timestamp, Error> {
    let Some((_, given)) = properties.iter_mut().find(|(key, _)| key == "$.exp") else {
        return Ok(after(now, DEFAULT_TTL));
    };
    let at: Timestamp = given.parse().map_err(|_| {
        Error::ArgumentInvalid(format!(
            "invalid expiryTimeUtc {given:?}: write a time as in RFC 3339, such as 2026-01-01T08:00:00Z"
        ))
    })?;
    if at > after(now, MAX_TTL) {
        return Err(Error::ArgumentInvalid(format!(
            "expiryTimeUtc {given:?} is too late: a message lives for 2 days at most, and it is {} now",
            format_timestamp(now)
        )));
    }
    *given = format_timestamp(at);
    Ok(at)
}

fn after(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
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

    /// A time, in seconds.
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn queue(count: usize) -> C2dQueue {
        let mut queue = C2dQueue::default();
        for n in 0..count {
            let topic = format!("t/{n}");
            queue.push(topic, Bytes::new(), at(60), at(0)).unwrap();
        }
        queue
    }

    #[test]
    fn a_message_is_sent_once_per_connection_until_it_is_acknowledged() {
        let mut queue = queue(2);
        let first = queue.take_unsent(Qos::AtLeastOnce, false, at(0));
        assert_eq!(first.len(), 2);
        assert!(first.iter().all(|publish| !publish.dup));
        assert!(queue.take_unsent(Qos::AtLeastOnce, false, at(0)).is_empty());

        queue.acknowledge(first[0].packet_id.unwrap());
        queue.reset();
        let again = queue.take_unsent(Qos::AtLeastOnce, false, at(0));
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].topic, "t/1");
        assert!(again[0].dup);
    }

    #[test]
    fn the_fifty_first_message_is_refused() {
        let mut queue = queue(MAX_C2D_QUEUE);
        assert!(matches!(
            queue.push("t".into(), Bytes::new(), at(60), at(0)),
            Err(Error::QueueFull { .. })
        ));
    }

    #[test]
    fn packet_ids_wrap_without_zero_and_without_touching_one_in_use() {
        let mut queue = queue(2);
        queue.last_packet_id = u16::MAX - 1;
        let ids: Vec<_> = queue
            .take_unsent(Qos::AtLeastOnce, false, at(0))
            .iter()
            .map(|p| p.packet_id)
            .collect();
        assert_eq!(ids, [Some(u16::MAX), Some(1)]);
    }

    #[test]
    fn an_expired_message_is_never_sent_and_makes_room() {
        let mut queue = queue(MAX_C2D_QUEUE);
        queue.changes();
        assert_eq!((queue.len(at(59)), queue.len(at(60))), (MAX_C2D_QUEUE, 0));
        queue
            .push("new".into(), Bytes::new(), at(90), at(60))
            .unwrap();
        let removed = queue.changes();
        assert_eq!(removed.iter().filter(|(_, now)| now.is_none()).count(), 50);
        assert_eq!(queue.take_unsent(Qos::AtLeastOnce, false, at(89)).len(), 1);
        queue.reset();
        assert!(
            queue
                .take_unsent(Qos::AtLeastOnce, false, at(90))
                .is_empty()
        );
        assert!(queue.take_unsent(Qos::AtMostOnce, false, at(90)).is_empty());
    }

    #[test]
    fn a_message_that_was_sent_can_be_acknowledged_after_its_expiry() {
        let mut queue = queue(1);
        let sent = queue.take_unsent(Qos::AtLeastOnce, false, at(59));
        queue.remove_expired(at(61));
        assert_eq!(queue.messages.len(), 1);
        queue.acknowledge(sent[0].packet_id.unwrap());
        assert!(queue.messages.is_empty());
    }

    #[test]
    fn a_message_lives_an_hour_if_nothing_is_said_and_two_days_at_most() {
        let ask = |text: &str| {
            let mut properties = [("$.exp".to_owned(), text.to_owned())];
            expiry(&mut properties, at(0)).map(|at| (at, properties[0].1.clone()))
        };
        assert_eq!(expiry(&mut [], at(0)).unwrap(), at(3600));
        let (when, text) = ask("1970-01-03T01:00:00+01:00").unwrap();
        assert_eq!(
            (when, text.as_str()),
            (at(172_800), "1970-01-03T00:00:00.000Z")
        );
        assert!(ask("1970-01-03T00:00:01Z").is_err());
        assert!(ask("tomorrow").is_err());
    }

    #[test]
    fn a_message_of_an_older_database_gets_an_hour_which_is_kept() {
        let mut queue = C2dQueue::default();
        let stored = |document: &str| StoredMessage {
            device_id: "t-1".into(),
            number: 7,
            document: document.into(),
            body: Vec::new(),
        };
        let old = stored(r#"{"topic": "t", "sentBefore": false}"#);
        queue.restore(old, at(0)).unwrap();
        let (_, kept) = queue.changes().remove(0);
        let mut again = C2dQueue::default();
        let document = kept.unwrap().document;
        again.restore(stored(&document), at(1800)).unwrap();
        assert_eq!((again.len(at(3599)), again.len(at(3600))), (1, 0));
    }
}
