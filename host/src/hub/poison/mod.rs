//! Tells a message on which the server closes the connection from a link that breaks.
//!
//! The *head* of a connection is the oldest message that has left on it and is not acknowledged. Three connections in a
//! row that had given the twin and that the server closed with the same head make it suspect: it is sent alone. If the
//! server closes that connection too, the head is stepped over, and the message after it is sent alone. If that one is
//! acknowledged, the head was poison; if its connection ends before, it was the link, and the head returns to its place.
//!
//! ```text
//!              closed, three times       closed           the next is acknowledged
//! unsuspected ─────────────────▶ alone ─────────▶ over ───────────────────────────▶ proven
//!    ▲  ▲            acknowledged  │                │ ended before                     │ taken out
//!    │  └──────────────────────────┘                │                                  │
//!    └──────────────────────────────────────────────┴──────────────────────────────────┘
//! ```
//!
//! Connections that never gave the twin say nothing, nor do those that end otherwise: a time-out is the link's. A head with
//! nothing after it is stepped over all the same, so that the device stays connected, until there is something or that
//! connection ends. Two poisonous messages next to each other cannot be told from a link. What is known ends with the
//! process.

#[cfg(test)]
mod tests;

use crate::mqtt::LinkError;

/// Connections in a row that make a message suspect.
const CLOSED: u32 = 3;

/// What is suspected of the messages of one device, by their ids in the outbox.
#[derive(Debug, Default)]
pub struct Suspicion {
    stage: Stage,
    /// Whether the connection that stands has given the twin.
    answered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Unsuspected,
    /// So many connections in a row were closed with this head.
    Watched {
        head: u64,
        closed: u32,
    },
    Alone(u64),
    Over(u64),
    Proven(u64),
}

/// What the end of a connection has changed about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It will be sent alone.
    Alone(u64),
    /// It will be stepped over.
    Over(u64),
    /// It returns to its place.
    Back(u64),
}

impl Suspicion {
    /// The hub has given the twin on the connection that stands.
    pub fn answered(&mut self) {
        self.answered = true;
    }

    /// A message was acknowledged.
    pub fn acknowledged(&mut self, id: u64) {
        self.stage = match self.stage {
            Stage::Watched { head, .. } | Stage::Alone(head) if head == id => Stage::Unsuspected,
            Stage::Over(head) if head != id => Stage::Proven(head),
            stage => stage,
        };
    }

    /// The connection that stood has ended: by the server or otherwise, and with this head.
    pub fn ended(&mut self, by_server: bool, head: Option<u64>) -> Option<Turn> {
        if !std::mem::take(&mut self.answered) {
            return None;
        }
        let (stage, turn) = match (self.stage, head.filter(|_| by_server)) {
            (Stage::Over(head), _) => (Stage::Unsuspected, Some(Turn::Back(head))),
            (Stage::Alone(suspect), Some(head)) if suspect == head => {
                (Stage::Over(head), Some(Turn::Over(head)))
            }
            (Stage::Unsuspected | Stage::Watched { .. }, Some(head)) => self.closed_with(head),
            (stage, _) => (stage, None),
        };
        self.stage = stage;
        turn
    }

    fn closed_with(&self, head: u64) -> (Stage, Option<Turn>) {
        let before = match self.stage {
            Stage::Watched { head: same, closed } if same == head => closed,
            _ => 0,
        };
        match before + 1 {
            CLOSED => (Stage::Alone(head), Some(Turn::Alone(head))),
            closed => (Stage::Watched { head, closed }, None),
        }
    }

    /// The message is in the outbox no more.
    pub fn taken_out(&mut self, id: u64) {
        if self.suspect() == Some(id) {
            self.stage = Stage::Unsuspected;
        }
    }

    fn suspect(&self) -> Option<u64> {
        match self.stage {
            Stage::Unsuspected => None,
            Stage::Watched { head, .. }
            | Stage::Alone(head)
            | Stage::Over(head)
            | Stage::Proven(head) => Some(head),
        }
    }

    /// Whether only one message may be with the server at a time.
    #[must_use]
    pub fn one_at_a_time(&self) -> bool {
        matches!(self.stage, Stage::Alone(_) | Stage::Over(_))
    }

    /// The message that is not to be sent.
    #[must_use]
    pub fn withheld(&self) -> Option<u64> {
        match self.stage {
            Stage::Over(head) | Stage::Proven(head) => Some(head),
            _ => None,
        }
    }

    /// The message that was found to be poison, until it is taken out.
    #[must_use]
    pub fn poison(&self) -> Option<u64> {
        match self.stage {
            Stage::Proven(head) => Some(head),
            _ => None,
        }
    }
}

/// Whether it was the server that ended a connection, as far as this side can tell. A server that closes before it has read
/// everything resets the connection, and so does many a middlebox.
#[must_use]
pub fn is_by_server(error: &LinkError) -> bool {
    matches!(error, LinkError::Closed | LinkError::Reset)
}
