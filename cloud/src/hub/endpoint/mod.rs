//! The MQTT endpoint of the hub for one device: packets in, packets out. No I/O.

mod acknowledge;
mod twin;

use std::time::Duration;

use super::{
    connection::{ConnectionGuard, MethodPush, Push},
    held_packets::{HeldPackets, ReleaseOn},
    methods,
    topic::{self, Incoming},
};
use crate::{
    events::{D2cMessage, EventKind},
    faults::Fault,
    mqtt::{Close, Endpoint, Packet, Publish, Qos, Replies, Subscribe, Unsubscribe, Will},
};

/// The largest message, body and property bag together, in bytes.
const MAX_MESSAGE: usize = 256 * 1024;
/// The longest time a fault holds a packet for the one that is to overtake it.
const REORDER_TIMEOUT: Duration = Duration::from_secs(5);
/// The SUBACK return code of a refused filter.
const SUBACK_FAILURE: u8 = 0x80;

/// A connected device.
pub(crate) struct DeviceEndpoint {
    connection: ConnectionGuard,
    will: Option<D2cMessage>,
    held: HeldPackets,
    /// True once a method was called on this connection.
    method_called: bool,
}

impl Drop for DeviceEndpoint {
    fn drop(&mut self) {
        if let Some(will) = self.will.take()
            && self.connection.close_reason != Close::ByDevice
        {
            self.connection.publish_will(will);
        }
    }
}

impl Endpoint for DeviceEndpoint {
    type Push = Push;

    fn session_present(&self) -> bool {
        self.connection.session_present
    }

    async fn pushed(&mut self) -> Push {
        tokio::select! {
            push = self.connection.pushes.recv() => push.unwrap_or(Push::Close(Close::TakenOver)),
            () = self.held.due() => Push::Overdue,
        }
    }

    fn end(mut self, reason: Close) {
        self.connection.close_reason = reason;
    }

    fn opened(&mut self) -> Replies {
        self.messages()
    }

    fn on_push(&mut self, push: Push) -> Replies {
        match push {
            Push::Desired(_) if self.has_fault(&Fault::DropDesired) => Ok(Vec::new()),
            Push::Desired(push) => {
                let topic = topic::desired(push.version);
                let mut packets = self.send(topic, push.to_json().to_string().into())?;
                packets.extend(self.held.release(ReleaseOn::Desired));
                Ok(packets)
            }
            Push::Method(MethodPush { topic, payload, .. }) => {
                self.method_called = true;
                let mut packets = self.send(topic, payload)?;
                packets.extend(self.held.release(ReleaseOn::Method));
                Ok(packets)
            }
            Push::Messages => self.messages(),
            Push::Overdue => Ok(self.held.overdue()),
            Push::Close(reason) => Err(reason),
        }
    }

    fn on_packet(&mut self, packet: Packet) -> Replies {
        match packet {
            Packet::Publish(publish) => self.on_publish(publish),
            Packet::PubAck { packet_id } => {
                self.connection.with_entry(|entry, store| {
                    entry.queue.acknowledge(packet_id);
                    entry.persist_messages(store);
                })?;
                Ok(Vec::new())
            }
            Packet::Subscribe(subscribe) => self.on_subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(&unsubscribe),
            _ => Err(Close::Protocol("unexpected packet type".into())),
        }
    }
}

impl DeviceEndpoint {
    /// Makes the endpoint. A will on a topic that is not the device's own is dropped.
    pub(super) fn new(connection: ConnectionGuard, will: Option<&Will>) -> Self {
        let will = will.and_then(|will| will_message(connection.device_id(), will));
        Self {
            connection,
            will,
            held: HeldPackets::default(),
            method_called: false,
        }
    }

    fn on_subscribe(&mut self, subscribe: &Subscribe) -> Replies {
        let id = self.connection.device_id();
        let codes = self.connection.with_entry(|entry, store| {
            let filters = subscribe.filters.iter();
            let granted = filters.map(|(filter, qos)| match self.is_refused(filter) {
                true => None,
                false => entry.session.subscribe(id, filter, *qos),
            });
            let codes = granted
                .map(|qos| qos.map_or(SUBACK_FAILURE, u8::from))
                .collect();
            entry.persist_session(store);
            codes
        })?;
        self.connection.notify_presence();
        let mut answer = Vec::new();
        let suback = Packet::SubAck {
            packet_id: subscribe.packet_id,
            codes,
        };
        if self.has_fault(&Fault::EarlyMethod) && !self.method_called {
            self.held.hold(suback, ReleaseOn::Method, REORDER_TIMEOUT);
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

    fn on_unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Replies {
        self.connection.with_entry(|entry, store| {
            for filter in &unsubscribe.filters {
                entry.session.unsubscribe(filter);
            }
            entry.persist_session(store);
        })?;
        Ok(vec![Packet::UnsubAck {
            packet_id: unsubscribe.packet_id,
        }])
    }

    fn on_publish(&mut self, publish: Publish) -> Replies {
        if publish.qos == Qos::ExactlyOnce {
            return Err(Close::Protocol("IoT Hub does not support QoS 2".into()));
        }
        let answer = self.on_topic(&publish)?;
        let mut packets = self.puback(&publish);
        packets.extend(answer);
        Ok(packets)
    }

    fn on_topic(&mut self, publish: &Publish) -> Replies {
        match Incoming::parse(&publish.topic, self.connection.device_id()) {
            Some(Incoming::Telemetry { bag }) => self.on_telemetry(bag, publish),
            Some(Incoming::TwinGet { rid }) => self.on_twin_get(&rid),
            Some(Incoming::Report { rid }) => self.on_report(&rid, &publish.payload),
            Some(Incoming::MethodResult { status, rid }) => {
                if !methods::is_within_limit(&publish.payload) {
                    return Err(Close::Protocol(
                        "method response larger than 128 KiB".into(),
                    ));
                }
                self.connection
                    .with_entry(|entry, _| entry.complete_call(&rid, status, &publish.payload))?;
                Ok(Vec::new())
            }
            None => Err(Close::foreign_topic(&publish.topic)),
        }
    }

    fn on_telemetry(&mut self, bag: &str, publish: &Publish) -> Replies {
        if bag.len() + publish.payload.len() > MAX_MESSAGE {
            return Err(Close::Protocol("message larger than 256 KiB".into()));
        }
        let mut message = D2cMessage::from_bag(bag, publish.payload.clone());
        if publish.retain {
            let flag = ("mqtt-retain".to_owned(), "true".to_owned());
            message.properties.push(flag);
        }
        self.connection.with_entry(|entry, store| {
            store.record(&entry.device.device_id, EventKind::Telemetry(message));
        })?;
        Ok(Vec::new())
    }

    fn messages(&mut self) -> Replies {
        let twice = self.has_fault(&Fault::DuplicateC2d);
        let publishes = self.connection.with_entry(|entry, store| {
            let publishes = entry.take_messages(twice);
            entry.persist_messages(store);
            publishes
        })?;
        Ok(publishes.into_iter().map(Packet::Publish).collect())
    }

    /// Returns the first value that `look` finds among the active faults of the device.
    fn fault<T>(&self, look: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let faults = self.connection.hub().faults();
        faults.find(Some(self.connection.device_id()), look)
    }

    fn has_fault(&self, fault: &Fault) -> bool {
        self.fault(|on| (on == fault).then_some(())).is_some()
    }

    /// Makes a PUBLISH with QoS 0, if the device has subscribed to the topic.
    fn send(&self, topic: String, payload: Vec<u8>) -> Replies {
        let wanted = self
            .connection
            .with_entry(|entry, _| entry.session.qos(&topic))?;
        let publish = wanted.map(|_| Packet::Publish(Publish::at_most_once(topic, payload)));
        Ok(publish.into_iter().collect())
    }
}

fn will_message(device_id: &str, will: &Will) -> Option<D2cMessage> {
    let Some(Incoming::Telemetry { bag }) = Incoming::parse(&will.topic, device_id) else {
        return None;
    };
    let mut message = D2cMessage::from_bag(bag, will.payload.clone());
    let flag = ("iothub-MessageType".to_owned(), "Will".to_owned());
    message.properties.push(flag);
    Some(message)
}
