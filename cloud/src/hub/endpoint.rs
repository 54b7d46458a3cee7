//! What the hub does with a device's packets, and what it sends on its own. No I/O.

use serde_json::{Value, json};

use super::link::{Attachment, MethodPush, Push};
use super::topic::Incoming;
use super::{EventKind, Message, methods, now, topic};
use crate::error::HubError;
use crate::mqtt::{Close, Packet, Publish, Qos, Subscribe, Unsubscribe, Will};

/// A message's body and its properties as they stand in the topic, in bytes.
const MESSAGE_LIMIT: usize = 256 * 1024;
/// What a SUBACK says of a filter that is refused.
const REFUSED: u8 = 0x80;

type Answer = Result<Vec<Packet>, Close>;

/// A connected device, from the hub's side.
pub(crate) struct Endpoint {
    link: Attachment,
    will: Option<Message>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(will) = self.will.take()
            && self.link.ending != Close::ByDevice
        {
            self.link.speak_last(will);
        }
    }
}

impl Endpoint {
    /// A will that is not a message of the device's is dropped.
    pub(super) fn new(link: Attachment, will: Option<&Will>) -> Self {
        let will = will.and_then(|will| last_message(link.device_id(), will));
        Self { link, will }
    }

    /// Whether the device finds the subscriptions it had.
    pub(crate) fn session_present(&self) -> bool {
        self.link.session_present
    }

    /// Waits until the hub has something for the device.
    pub(crate) async fn pushed(&mut self) -> Push {
        let push = self.link.pushes.recv().await;
        push.unwrap_or(Push::Close(Close::TakenOver))
    }

    /// The connection is over, for this reason.
    pub(crate) fn end(mut self, reason: Close) {
        self.link.ending = reason;
    }

    /// What to send at once on a session that goes on.
    pub(crate) fn opened(&mut self) -> Answer {
        self.messages()
    }

    /// What to send for a push.
    pub(crate) fn on_push(&mut self, push: Push) -> Answer {
        match push {
            Push::Desired(push) => {
                let topic = topic::desired(push.version);
                self.send(topic, push.to_json().to_string().into())
            }
            Push::Method(MethodPush { topic, payload, .. }) => self.send(topic, payload),
            Push::Messages => self.messages(),
            Push::Close(reason) => Err(reason),
        }
    }

    /// What to send for a packet.
    pub(crate) fn on_packet(&mut self, packet: Packet) -> Answer {
        match packet {
            Packet::Publish(publish) => self.on_publish(publish),
            Packet::PubAck { packet_id } => {
                self.link
                    .with(|entry, _| entry.queue.acknowledge(packet_id))?;
                Ok(Vec::new())
            }
            Packet::Subscribe(subscribe) => self.on_subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(&unsubscribe),
            _ => Err(Close::Protocol(
                "a packet a device does not send here".into(),
            )),
        }
    }

    fn on_subscribe(&mut self, subscribe: &Subscribe) -> Answer {
        let id = self.link.device_id();
        let codes = self.link.with(|entry, _| {
            let filters = subscribe.filters.iter();
            let granted = filters.map(|(filter, qos)| entry.session.subscribe(id, filter, *qos));
            granted.map(|qos| qos.map_or(REFUSED, u8::from)).collect()
        })?;
        self.link.announce_presence();
        let mut answer = vec![Packet::SubAck {
            packet_id: subscribe.packet_id,
            codes,
        }];
        answer.extend(self.messages()?);
        Ok(answer)
    }

    fn on_unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Answer {
        self.link.with(|entry, _| {
            for filter in &unsubscribe.filters {
                entry.session.unsubscribe(filter);
            }
        })?;
        Ok(vec![Packet::UnsubAck {
            packet_id: unsubscribe.packet_id,
        }])
    }

    fn on_publish(&mut self, publish: Publish) -> Answer {
        if publish.qos == Qos::ExactlyOnce {
            return Err(Close::Protocol("IoT Hub takes no QoS 2".into()));
        }
        let answer = self.on_topic(&publish)?;
        let mut packets: Vec<_> = self.puback(&publish).into_iter().collect();
        packets.extend(answer);
        Ok(packets)
    }

    fn on_topic(&mut self, publish: &Publish) -> Answer {
        match Incoming::parse(&publish.topic, self.link.device_id()) {
            Some(Incoming::Telemetry { bag }) => self.on_telemetry(bag, publish),
            Some(Incoming::TwinGet { rid }) => {
                let twin = self.link.with(|entry, _| entry.twin.device_json())?;
                self.send(topic::twin_result(200, &rid, None), twin.to_string().into())
            }
            Some(Incoming::Report { rid }) => self.on_report(&rid, &publish.payload),
            Some(Incoming::MethodResult { status, rid }) => {
                if !methods::fits(&publish.payload) {
                    return Err(Close::Protocol("a method's answer over 128 KiB".into()));
                }
                self.link
                    .with(|entry, _| entry.answer(&rid, status, &publish.payload))?;
                Ok(Vec::new())
            }
            None => Err(Close::foreign_topic(&publish.topic)),
        }
    }

    fn on_telemetry(&mut self, bag: &str, publish: &Publish) -> Answer {
        if bag.len() + publish.payload.len() > MESSAGE_LIMIT {
            return Err(Close::Protocol("a message over 256 KiB".into()));
        }
        let mut message = Message::from_bag(bag, publish.payload.clone());
        if publish.retain {
            let flag = ("mqtt-retain".to_owned(), "true".to_owned());
            message.properties.push(flag);
        }
        self.link.with(|entry, events| {
            events.record(&entry.device.device_id, EventKind::Telemetry(message));
        })?;
        Ok(Vec::new())
    }

    fn on_report(&mut self, rid: &str, payload: &[u8]) -> Answer {
        match self.report(payload)? {
            Ok(_) if self.link.hub().faults().withholds_acks() => Ok(Vec::new()),
            Ok(version) => self.send(topic::twin_result(204, rid, Some(version)), Vec::new()),
            Err(error) => {
                let topic = topic::twin_result(error.status(), rid, None);
                self.send(topic, error_json(&error).to_string().into())
            }
        }
    }

    fn report(&self, payload: &[u8]) -> Result<Result<u64, HubError>, Close> {
        let patch: Value = match serde_json::from_slice(payload) {
            Ok(patch) => patch,
            Err(_) => {
                let why = "the reported properties are not JSON".into();
                return Ok(Err(HubError::ArgumentInvalid(why)));
            }
        };
        self.link.with(|entry, events| {
            let version = entry.twin.report(&patch, now())?;
            let reported = EventKind::Reported { patch, version };
            events.record(&entry.device.device_id, reported);
            Ok(version)
        })
    }

    fn puback(&self, publish: &Publish) -> Option<Packet> {
        let packet_id = publish.packet_id?;
        let withheld = self.link.hub().faults().withholds_acks();
        (!withheld).then_some(Packet::PubAck { packet_id })
    }

    fn messages(&mut self) -> Answer {
        let publishes = self.link.with(|entry, _| entry.take_messages())?;
        Ok(publishes.into_iter().map(Packet::Publish).collect())
    }

    /// A PUBLISH with QoS 0, if the device subscribed to it.
    fn send(&self, topic: String, payload: Vec<u8>) -> Answer {
        let wanted = self.link.with(|entry, _| entry.session.qos(&topic))?;
        let publish = wanted.map(|_| Packet::Publish(Publish::at_most_once(topic, payload)));
        Ok(publish.into_iter().collect())
    }
}

fn last_message(device_id: &str, will: &Will) -> Option<Message> {
    let Some(Incoming::Telemetry { bag }) = Incoming::parse(&will.topic, device_id) else {
        return None;
    };
    let mut message = Message::from_bag(bag, will.payload.clone());
    let flag = ("iothub-MessageType".to_owned(), "Will".to_owned());
    message.properties.push(flag);
    Some(message)
}

fn error_json(error: &HubError) -> Value {
    json!({
        "errorCode": error.code(),
        "trackingId": format!("{:032X}", rand::random::<u128>()),
        "message": error.to_string(),
        "timestampUtc": now(),
    })
}
