//! What devices said and what became of them, kept in memory and handed to followers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::broadcast;

/// Older events go when there are more than this many.
const EVENT_LIMIT: usize = 100_000;
/// Older events go when what they hold takes more than about so many bytes.
const BYTE_LIMIT: usize = 64 * 1024 * 1024;
/// What a property, or a value within another, takes beside its text, in bytes: a device may send thousands without any.
const PIECE: usize = 64;
/// How far a follower may fall behind before it has to ask for what it missed.
const FOLLOWER_LAG: usize = 1024;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Counts from 1, without gaps, over all devices.
    pub sequence: u64,
    /// When the hub took note of it.
    pub enqueued: Timestamp,
    /// Of which device; empty for a fault of all devices.
    pub device_id: String,
    /// What it was.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// The device connected.
    Connected {
        /// The model it announced.
        model_id: Option<String>,
        /// Whether the hub still had its session.
        session_present: bool,
    },
    /// Its connection ended.
    Disconnected {
        /// Why, in words.
        reason: String,
    },
    /// It sent a message.
    Telemetry(Message),
    /// A fault was asked for: of this device, or of all if the device has no name.
    Fault {
        /// Whether it lasts.
        phase: FaultPhase,
        /// Which one, with its settings.
        what: Value,
    },
    /// It reported properties.
    Reported {
        /// What it sent: `null` removes.
        patch: Value,
        /// The reported `$version` this made.
        version: u64,
    },
}

/// What a fault did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPhase {
    /// It began, and lasts.
    Began,
    /// It ended.
    Ended,
    /// It happened, once.
    Struck,
}

/// A device-to-cloud message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// `$.mid`
    pub message_id: Option<String>,
    /// `$.cid`
    pub correlation_id: Option<String>,
    /// `$.ct`
    pub content_type: Option<String>,
    /// `$.ce`
    pub content_encoding: Option<String>,
    /// `$.ctime`: when the device says it made it.
    pub creation_time: Option<String>,
    /// `$.sub`: the Plug and Play component it comes from.
    pub component: Option<String>,
    /// Every other property, in the order they came.
    pub properties: Vec<(String, String)>,
    /// The body as it came.
    pub body: Bytes,
}

/// The events of one hub.
pub(super) struct EventLog {
    kept: Mutex<Kept>,
    followers: broadcast::Sender<Arc<Event>>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    last: u64,
}

impl Default for EventLog {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            followers: broadcast::Sender::new(FOLLOWER_LAG),
        }
    }
}

impl EventLog {
    pub(super) fn record(&self, device_id: &str, kind: EventKind) {
        let mut kept = self.kept();
        kept.last += 1;
        let event = Arc::new(Event {
            sequence: kept.last,
            enqueued: super::now(),
            device_id: device_id.to_owned(),
            kind,
        });
        kept.push(Arc::clone(&event));
        // Under the lock: followers see the events in order and `since` leaves no gap. No follower is no fault.
        let _ = self.followers.send(event);
    }

    pub(super) fn since(
        &self,
        sequence: u64,
    ) -> (Vec<Arc<Event>>, broadcast::Receiver<Arc<Event>>) {
        let kept = self.kept();
        let from = kept
            .events
            .partition_point(|event| event.sequence <= sequence);
        (
            kept.events.iter().skip(from).cloned().collect(),
            self.followers.subscribe(),
        )
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, event: Arc<Event>) {
        self.bytes += size(&event);
        self.events.push_back(event);
        while self.events.len() > EVENT_LIMIT || self.bytes > BYTE_LIMIT {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= size(&oldest);
        }
    }
}

/// Memory an event takes beyond its own fixed size, roughly.
fn size(event: &Event) -> usize {
    match &event.kind {
        EventKind::Connected { model_id, .. } => text(model_id),
        EventKind::Disconnected { reason } => reason.len(),
        EventKind::Telemetry(message) => size_of_message(message),
        EventKind::Reported { patch, .. } => size_of_value(patch),
        EventKind::Fault { .. } => 0,
    }
}

fn size_of_message(message: &Message) -> usize {
    let system = [
        &message.message_id,
        &message.correlation_id,
        &message.content_type,
        &message.content_encoding,
        &message.creation_time,
        &message.component,
    ];
    let properties = message.properties.iter();
    message.body.len()
        + system.into_iter().map(text).sum::<usize>()
        + properties
            .map(|(k, v)| PIECE + k.len() + v.len())
            .sum::<usize>()
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| PIECE + size_of_value(item)).sum(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| PIECE + key.len() + size_of_value(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn text(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telemetry(body: &[u8]) -> EventKind {
        EventKind::Telemetry(Message {
            body: Bytes::copy_from_slice(body),
            ..Message::default()
        })
    }

    #[test]
    fn a_follower_gets_what_was_and_what_comes_without_gap_or_repetition() {
        let log = EventLog::default();
        for _ in 0..3 {
            log.record("a", telemetry(b"1"));
        }
        let (past, mut follower) = log.since(1);
        log.record("a", telemetry(b"2"));
        let seen: Vec<_> = past.iter().map(|event| event.sequence).collect();
        assert_eq!(seen, [2, 3]);
        assert_eq!(follower.try_recv().unwrap().sequence, 4);
    }

    #[test]
    fn large_bodies_push_the_oldest_events_out() {
        let log = EventLog::default();
        let body = vec![0; BYTE_LIMIT / 4];
        for _ in 0..6 {
            log.record("a", telemetry(&body));
        }
        let (past, _) = log.since(0);
        assert_eq!(past.len(), 4);
        assert_eq!(past[0].sequence, 3);
    }

    #[test]
    fn whatever_an_event_holds_counts() {
        let half = BYTE_LIMIT / 2 + 1;
        let long = || "x".repeat(half);
        let message = |message| EventKind::Telemetry(message);
        let of_nothing = (String::new(), String::new());
        for large in [
            EventKind::Connected {
                model_id: Some(long()),
                session_present: false,
            },
            EventKind::Disconnected { reason: long() },
            message(Message {
                message_id: Some(long()),
                ..Message::default()
            }),
            message(Message {
                component: Some(long()),
                ..Message::default()
            }),
            message(Message {
                properties: vec![of_nothing; half / PIECE + 1],
                ..Message::default()
            }),
            EventKind::Reported {
                patch: vec![Value::Null; half / PIECE + 1].into(),
                version: 2,
            },
        ] {
            let log = EventLog::default();
            log.record("a", large.clone());
            log.record("a", large);
            assert_eq!(log.since(0).0.len(), 1);
        }
    }
}
