//! What the hub does with a device's packets, and what it sends on its own. No I/O.

mod acknowledge;
mod twin;

use std::time::Duration;

use super::held::{Held, Until};
use super::link::{Attachment, MethodPush, Push};
use super::topic::Incoming;
use super::{EventKind, Message, methods, topic};
use crate::faults::Fault;
use crate::mqtt::{Close, Packet, Publish, Qos, Subscribe, Unsubscribe, Will};

/// A message's body and its properties as they stand in the topic, in bytes.
const MESSAGE_LIMIT: usize = 256 * 1024;
/// How long a packet waits for the one that is to go before it.
const OUT_OF_ORDER: Duration = Duration::from_secs(5);
/// What a SUBACK says of a filter that is refused.
const REFUSED: u8 = 0x80;

type Answer = Result<Vec<Packet>, Close>;

/// A connected device, from the hub's side.
pub(crate) struct Endpoint {
    link: Attachment,
    will: Option<Message>,
    held: Held,
    /// Whether a method was called on this connection.
    called: bool,
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
        Self {
            link,
            will,
            held: Held::default(),
            called: false,
        }
    }

    /// Whether the device finds the subscriptions it had.
    pub(crate) fn session_present(&self) -> bool {
        self.link.session_present
    }

    /// Waits until the hub has something for the device.
    pub(crate) async fn pushed(&mut self) -> Push {
        tokio::select! {
            push = self.link.pushes.recv() => push.unwrap_or(Push::Close(Close::TakenOver)),
            () = self.held.due() => Push::Overdue,
        }
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
            Push::Desired(_) if self.suffers(&Fault::DropDesired) => Ok(Vec::new()),
            Push::Desired(push) => {
                let topic = topic::desired(push.version);
                let mut packets = self.send(topic, push.to_json().to_string().into())?;
                packets.extend(self.held.release(Until::Desired));
                Ok(packets)
            }
            Push::Method(MethodPush { topic, payload, .. }) => {
                self.called = true;
                let mut packets = self.send(topic, payload)?;
                packets.extend(self.held.release(Until::Method));
                Ok(packets)
            }
            Push::Messages => self.messages(),
            Push::Overdue => Ok(self.held.overdue()),
            Push::Close(reason) => Err(reason),
        }
    }

    /// What to send for a packet.
    pub(crate) fn on_packet(&mut self, packet: Packet) -> Answer {
        match packet {
            Packet::Publish(publish) => self.on_publish(publish),
            Packet::PubAck { packet_id } => {
                self.link.with(|entry, store| {
                    entry.queue.acknowledge(packet_id);
                    entry.keep_messages(store);
                })?;
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
        let codes = self.link.with(|entry, store| {
            let filters = subscribe.filters.iter();
            let granted = filters.map(|(filter, qos)| match self.is_refused(filter) {
                true => None,
                false => entry.session.subscribe(id, filter, *qos),
            });
            let codes = granted.map(|qos| qos.map_or(REFUSED, u8::from)).collect();
            entry.keep_session(store);
            codes
        })?;
        self.link.announce_presence();
        let mut answer = Vec::new();
        let suback = Packet::SubAck {
            packet_id: subscribe.packet_id,
            codes,
        };
        if self.suffers(&Fault::EarlyMethod) && !self.called {
            self.held.hold(suback, Until::Method, OUT_OF_ORDER);
        } else {
            answer.push(suback);
        }
        answer.extend(self.messages()?);
        Ok(answer)
    }

    fn is_refused(&self, filter: &str) -> bool {
        let refused = self.fault(|fault| match fault {
            Fault::RefuseSubscription { filter: only } => Some(only.clone().unwrap_or_default()),
            _ => None,
        });
        refused.is_some_and(|only| filter.contains(&only))
    }

    fn on_unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Answer {
        self.link.with(|entry, store| {
            for filter in &unsubscribe.filters {
                entry.session.unsubscribe(filter);
            }
            entry.keep_session(store);
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
        let mut packets = self.puback(&publish);
        packets.extend(answer);
        Ok(packets)
    }

    fn on_topic(&mut self, publish: &Publish) -> Answer {
        match Incoming::parse(&publish.topic, self.link.device_id()) {
            Some(Incoming::Telemetry { bag }) => self.on_telemetry(bag, publish),
            Some(Incoming::TwinGet { rid }) => self.on_twin_get(&rid),
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
        self.link.with(|entry, store| {
            store.record(&entry.device.device_id, EventKind::Telemetry(message));
        })?;
        Ok(Vec::new())
    }

    fn messages(&mut self) -> Answer {
        let twice = self.suffers(&Fault::DuplicateC2d);
        let publishes = self.link.with(|entry, store| {
            let publishes = entry.take_messages(twice);
            entry.keep_messages(store);
            publishes
        })?;
        Ok(publishes.into_iter().map(Packet::Publish).collect())
    }

    /// What this fault, or that, is told for the device, if it is on.
    fn fault<T>(&self, look: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let faults = self.link.hub().faults();
        faults.find(Some(self.link.device_id()), look)
    }

    fn suffers(&self, fault: &Fault) -> bool {
        self.fault(|on| (on == fault).then_some(())).is_some()
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
