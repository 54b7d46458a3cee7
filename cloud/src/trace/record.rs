//! Records of the trace.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;

use crate::mqtt::Packet;

/// The largest recorded part of a payload, in bytes.
pub(super) const MAX_PAYLOAD: usize = 4 * 1024;
/// The approximate size of a record without its content, in bytes.
const RECORD_OVERHEAD: usize = 256;

/// A record of the trace.
#[derive(Debug)]
pub struct TraceRecord {
    /// Counts from 1 in each run of the cloud, without gaps.
    pub sequence: u64,
    /// Time.
    pub time: Timestamp,
    /// Subject.
    pub subject: Subject,
}

/// The subject of a record.
#[derive(Debug)]
pub enum Subject {
    /// An MQTT packet.
    Packet(PacketRecord),
    /// Input from a device that is not a valid packet.
    Malformed {
        /// Number of the connection.
        connection: u64,
        /// Client id; empty before the CONNECT.
        client: Arc<str>,
        /// Violated rule.
        reason: String,
    },
    /// The end of a connection.
    Ended {
        /// Number of the connection.
        connection: u64,
        /// Client id; empty before the CONNECT.
        client: Arc<str>,
        /// Reason.
        reason: String,
    },
    /// A REST request and its response.
    Request(RequestRecord),
}

/// The direction of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketDirection {
    /// From the device.
    Up,
    /// To the device.
    Down,
}

/// An MQTT packet.
#[derive(Debug)]
pub struct PacketRecord {
    /// Number of the connection, unique among those of one client too.
    pub connection: u64,
    /// Client id.
    pub client: Arc<str>,
    /// Direction.
    pub direction: PacketDirection,
    /// The packet, without password and with a truncated payload.
    pub packet: Packet,
    /// Size of the whole payload, in bytes.
    pub size: usize,
}

/// A REST request and its response.
#[derive(Debug)]
pub struct RequestRecord {
    /// HTTP method.
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Device ID, if the path names one.
    pub device: Option<String>,
    /// True for a request of the console.
    pub from_console: bool,
    /// Status of the response.
    pub status: u16,
    /// Time from the request to the head of the response.
    pub duration: Duration,
}

impl TraceRecord {
    /// Returns the client or device ID.
    pub fn device(&self) -> Option<&str> {
        match &self.subject {
            Subject::Packet(packet) => Some(&packet.client),
            Subject::Malformed { client, .. } | Subject::Ended { client, .. } => Some(client),
            Subject::Request(request) => request.device.as_deref(),
        }
    }

    /// Returns the approximate size in memory.
    pub(super) fn size(&self) -> usize {
        let content = match &self.subject {
            Subject::Packet(packet) => content_size(&packet.packet),
            Subject::Malformed { reason, .. } | Subject::Ended { reason, .. } => reason.len(),
            Subject::Request(request) => request.path.len(),
        };
        RECORD_OVERHEAD + content
    }
}

fn content_size(packet: &Packet) -> usize {
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

/// Returns the packet without password and with a truncated payload, and the size of the whole payload in bytes.
pub(super) fn redacted(packet: &Packet) -> (Packet, usize) {
    match packet {
        Packet::Publish(publish) => {
            let mut publish = publish.clone();
            let size = publish.payload.len();
            publish.payload = truncated(&publish.payload);
            (Packet::Publish(publish), size)
        }
        Packet::Connect(connect) => {
            let mut connect = connect.clone();
            connect.password = None;
            if let Some(will) = &mut connect.will {
                will.payload = truncated(&will.payload);
            }
            (Packet::Connect(connect), 0)
        }
        packet => (packet.clone(), 0),
    }
}

/// Copies the beginning: a slice would keep the whole read buffer in memory.
fn truncated(payload: &Bytes) -> Bytes {
    Bytes::copy_from_slice(payload.get(..MAX_PAYLOAD).unwrap_or(payload))
}
