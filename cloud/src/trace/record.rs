//! One thing that crossed the wire.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::mqtt::Packet;

/// So much of a payload is kept, in bytes.
pub(super) const PAYLOAD: usize = 4 * 1024;
/// What a record takes beside what it holds, about, in bytes.
const OVERHEAD: usize = 256;

/// A record of the trace.
#[derive(Debug)]
pub struct Record {
    /// Counts from 1 in each run of the cloud, without gaps.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// What.
    pub subject: Subject,
}

/// What was seen.
#[derive(Debug)]
pub enum Subject {
    /// A packet of MQTT.
    Packet(Packeted),
    /// A device sent what is no packet.
    Malformed {
        /// Which connection.
        connection: u64,
        /// The client, empty before its CONNECT.
        client: Arc<str>,
        /// What is wrong with it.
        reason: String,
    },
    /// A connection ended.
    Ended {
        /// Which connection.
        connection: u64,
        /// The client, empty before its CONNECT.
        client: Arc<str>,
        /// Why.
        reason: String,
    },
    /// An operator's request, and its answer.
    Request(Exchange),
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the device.
    Up,
    /// To the device.
    Down,
}

/// A packet that came or went.
#[derive(Debug)]
pub struct Packeted {
    /// Tells connections apart, also those of one client.
    pub connection: u64,
    /// The client.
    pub client: Arc<str>,
    /// Which way.
    pub way: Way,
    /// The packet, without a password, and with the beginning of its payload.
    pub packet: Packet,
    /// How large the payload is, in bytes.
    pub size: usize,
}

/// A request and its answer.
#[derive(Debug)]
pub struct Exchange {
    /// `GET` and so on.
    pub method: String,
    /// With its query.
    pub path: String,
    /// The device it is about, if it is about one.
    pub device: Option<String>,
    /// Whether the console asked.
    pub from_console: bool,
    /// The answer's status.
    pub status: u16,
    /// From the request to the head of the answer.
    pub took: Duration,
}

impl Record {
    /// The client or device it is of.
    pub fn device(&self) -> Option<&str> {
        match &self.subject {
            Subject::Packet(packet) => Some(&packet.client),
            Subject::Malformed { client, .. } | Subject::Ended { client, .. } => Some(client),
            Subject::Request(exchange) => exchange.device.as_deref(),
        }
    }

    /// How much memory it takes, about.
    pub(super) fn size(&self) -> usize {
        let held = match &self.subject {
            Subject::Packet(packet) => held(&packet.packet),
            Subject::Malformed { reason, .. } | Subject::Ended { reason, .. } => reason.len(),
            Subject::Request(exchange) => exchange.path.len(),
        };
        OVERHEAD + held
    }
}

fn held(packet: &Packet) -> usize {
    match packet {
        Packet::Publish(publish) => publish.topic.len() + publish.payload.len(),
        Packet::Connect(connect) => {
            let will = connect.will.as_ref();
            let will = will.map_or(0, |will| will.topic.len() + will.payload.len());
            connect.client_id.len() + connect.username.as_ref().map_or(0, String::len) + will
        }
        Packet::Subscribe(subscribe) => subscribe
            .filters
            .iter()
            .map(|(filter, _)| filter.len())
            .sum(),
        Packet::Unsubscribe(unsubscribe) => unsubscribe.filters.iter().map(String::len).sum(),
        _ => 0,
    }
}

/// What may be kept of a packet, and how large its payload is, in bytes.
pub(super) fn kept(packet: &Packet) -> (Packet, usize) {
    match packet {
        Packet::Publish(publish) => {
            let mut publish = publish.clone();
            let size = publish.payload.len();
            publish.payload = beginning(&publish.payload);
            (Packet::Publish(publish), size)
        }
        Packet::Connect(connect) => {
            let mut connect = connect.clone();
            connect.password = None;
            if let Some(will) = &mut connect.will {
                will.payload = beginning(&will.payload);
            }
            (Packet::Connect(connect), 0)
        }
        packet => (packet.clone(), 0),
    }
}

/// A copy, because a part would hold on to all that was read with it.
fn beginning(payload: &Bytes) -> Bytes {
    Bytes::copy_from_slice(payload.get(..PAYLOAD).unwrap_or(payload))
}
