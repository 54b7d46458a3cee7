//! Detection of poison messages, on which the hub closes the connection, as opposed to a link that breaks.
//!
//! The *head* of a connection is the oldest message that has left on it and is not acknowledged. Three connections in a
//! row that had received the twin and that the server closed with the same head isolate it: it is sent alone. If the
//! server closes that connection too, the head is skipped, and the message after it is sent alone. If that one is
//! acknowledged, the head was poison; if its connection ends before, it was the link, and the head returns to its place.
//!
//! ```text
//!        closed, three times           closed              the next is acknowledged
//! clear ────────────────────▶ isolated ──────▶ skipped ───────────────────────────▶ confirmed
//!  ▲ ▲         acknowledged      │                │ ended before                       │ removed
//!  │ └───────────────────────────┘                │                                    │
//!  └──────────────────────────────────────────────┴────────────────────────────────────┘
//! ```
//!
//! Connections that never received the twin do not count, nor do those that end otherwise: a timeout is the link's. A head
//! with no message after it is skipped all the same, so that the device stays connected, until there is one or that
//! connection ends. Two poison messages next to each other cannot be told from a link. The state is not persisted.

#[cfg(test)]
mod tests;

use crate::mqtt::LinkError;

/// The number of connections in a row, closed with the same head, after which the head is isolated.
const ISOLATE_AFTER: u32 = 3;

/// Detects a poison message of one device, by its id in the outbox.
#[derive(Debug, Default)]
pub struct PoisonDetector {
    stage: Stage,
    /// The hub has returned the twin on the current connection.
    twin_received: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Clear,
    /// The number of connections in a row that were closed with this head.
    Suspected {
        head: u64,
        closed: u32,
    },
    Isolated(u64),
    Skipped(u64),
    Confirmed(u64),
}

/// The consequence of a connection's end for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoisonEvent {
    /// The message will be sent alone.
    Isolated(u64),
    /// The message will be skipped.
    Skipped(u64),
    /// The message returns to its place.
    Cleared(u64),
}

impl PoisonDetector {
    /// Notes that the hub has returned the twin on the current connection.
    pub fn twin_received(&mut self) {
        self.twin_received = true;
    }

    /// Notes that a message was acknowledged.
    pub fn acknowledged(&mut self, id: u64) {
        self.stage = match self.stage {
            Stage::Suspected { head, .. } | Stage::Isolated(head) if head == id => Stage::Clear,
            Stage::Skipped(head) if head != id => Stage::Confirmed(head),
            stage => stage,
        };
    }

    /// Notes the end of the connection, by the server or otherwise, with this head.
    pub fn connection_ended(&mut self, by_server: bool, head: Option<u64>) -> Option<PoisonEvent> {
        if !std::mem::take(&mut self.twin_received) {
            return None;
        }
        let (stage, event) = match (self.stage, head.filter(|_| by_server)) {
            (Stage::Skipped(head), _) => (Stage::Clear, Some(PoisonEvent::Cleared(head))),
            (Stage::Isolated(suspect), Some(head)) if suspect == head => {
                (Stage::Skipped(head), Some(PoisonEvent::Skipped(head)))
            }
            (Stage::Clear | Stage::Suspected { .. }, Some(head)) => self.closed_with(head),
            (stage, _) => (stage, None),
        };
        self.stage = stage;
        event
    }

    fn closed_with(&self, head: u64) -> (Stage, Option<PoisonEvent>) {
        let before = match self.stage {
            Stage::Suspected { head: same, closed } if same == head => closed,
            _ => 0,
        };
        match before + 1 {
            ISOLATE_AFTER => (Stage::Isolated(head), Some(PoisonEvent::Isolated(head))),
            closed => (Stage::Suspected { head, closed }, None),
        }
    }

    /// Notes that a message was removed from the outbox.
    pub fn removed(&mut self, id: u64) {
        if self.suspect() == Some(id) {
            self.stage = Stage::Clear;
        }
    }

    fn suspect(&self) -> Option<u64> {
        match self.stage {
            Stage::Clear => None,
            Stage::Suspected { head, .. }
            | Stage::Isolated(head)
            | Stage::Skipped(head)
            | Stage::Confirmed(head) => Some(head),
        }
    }

    /// Returns whether only one message may be in flight.
    #[must_use]
    pub fn one_at_a_time(&self) -> bool {
        matches!(self.stage, Stage::Isolated(_) | Stage::Skipped(_))
    }

    /// Returns the message that is not to be sent.
    #[must_use]
    pub fn withheld(&self) -> Option<u64> {
        match self.stage {
            Stage::Skipped(head) | Stage::Confirmed(head) => Some(head),
            _ => None,
        }
    }

    /// Returns the confirmed poison message, until it is removed.
    #[must_use]
    pub fn poison(&self) -> Option<u64> {
        match self.stage {
            Stage::Confirmed(head) => Some(head),
            _ => None,
        }
    }
}

/// Returns whether the server ended the connection, as far as the client can tell. A server that closes before it has
/// read everything resets the connection, and so do many middleboxes.
#[must_use]
pub fn is_by_server(error: &LinkError) -> bool {
    matches!(error, LinkError::Closed | LinkError::Reset)
}
