//! What is to be written, in order.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Content, Row, locked};
use crate::hub::{Event, EventKind, now};

/// So many bytes of messages may be uncommitted, of all devices together; then there is room for one more of each.
const ROOM: usize = 32 * 1024 * 1024;

/// What is staged and not written yet: of each row the newest content, and every event. Devices bound it: one of which
/// much is not committed is not listened to, and less when there is no room.
pub(super) struct Journal {
    staged: Mutex<Staged>,
    changed: Condvar,
}

struct Staged {
    group: Group,
    /// Bytes of messages in the group that is being written.
    writing: usize,
    last_sequence: u64,
    closing: bool,
}

/// What is committed together.
#[derive(Default)]
pub(super) struct Group {
    /// Counts what was staged, from the start of the process.
    pub(super) position: u64,
    pub(super) rows: BTreeMap<Row, Option<Content>>,
    pub(super) events: Vec<Arc<Event>>,
    /// What the messages among the events take, in bytes.
    bytes: usize,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.events.is_empty()
    }
}

impl Journal {
    /// An empty one; the first event has the number after this.
    pub(super) fn after(last_sequence: u64) -> Self {
        Self {
            staged: Mutex::new(Staged {
                group: Group::default(),
                writing: 0,
                last_sequence,
                closing: false,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn stage(&self, row: Row, content: Option<Content>) {
        let mut staged = locked(&self.staged);
        staged.group.rows.insert(row, content);
        self.advance(&mut staged);
    }

    pub(super) fn record(&self, device_id: &str, kind: EventKind) {
        let mut staged = locked(&self.staged);
        staged.last_sequence += 1;
        if let EventKind::Telemetry(message) = &kind {
            staged.group.bytes += message.body.len();
        }
        let event = Event {
            sequence: staged.last_sequence,
            enqueued: now(),
            device_id: device_id.to_owned(),
            kind,
        };
        staged.group.events.push(Arc::new(event));
        self.advance(&mut staged);
    }

    fn advance(&self, staged: &mut Staged) {
        staged.group.position += 1;
        self.changed.notify_one();
    }

    pub(super) fn position(&self) -> u64 {
        locked(&self.staged).group.position
    }

    /// The number of the last event, committed or not.
    pub(super) fn last_sequence(&self) -> u64 {
        locked(&self.staged).last_sequence
    }

    pub(super) fn close(&self) {
        locked(&self.staged).closing = true;
        self.changed.notify_one();
    }

    /// Waits until there is something to write, or the store closes, for so long at most. Returns whether it closes.
    pub(super) fn wait(&self, at_most: Duration) -> bool {
        let staged = locked(&self.staged);
        let idle = |staged: &mut Staged| staged.group.is_empty() && !staged.closing;
        let waited = self.changed.wait_timeout_while(staged, at_most, idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    /// Waits so long, or until the store closes. Returns whether it closes.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let staged = locked(&self.staged);
        let open = |staged: &mut Staged| !staged.closing;
        let waited = self.changed.wait_timeout_while(staged, time, open);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    pub(super) fn is_idle(&self) -> bool {
        locked(&self.staged).group.is_empty()
    }

    /// Whether more messages had better wait.
    pub(super) fn is_crowded(&self) -> bool {
        let staged = locked(&self.staged);
        staged.group.bytes + staged.writing > ROOM
    }

    /// What was taken last is written.
    pub(super) fn written(&self) {
        locked(&self.staged).writing = 0;
    }

    /// Everything there is to write.
    pub(super) fn take(&self) -> Group {
        let mut staged = locked(&self.staged);
        staged.writing = staged.group.bytes;
        let position = staged.group.position;
        let rest = Group {
            position,
            ..Group::default()
        };
        mem::replace(&mut staged.group, rest)
    }
}
