//! What is to be written, in order.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Content, Row, locked};
use crate::hub::{Event, EventKind, now};

/// What is staged and not written yet: of each row the newest content, and every event. Devices bound it: one of which
/// much is not committed is not listened to.
pub(super) struct Journal {
    staged: Mutex<Staged>,
    changed: Condvar,
}

struct Staged {
    group: Group,
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

    /// Everything there is to write.
    pub(super) fn take(&self) -> Group {
        let mut staged = locked(&self.staged);
        let position = staged.group.position;
        let rest = Group {
            position,
            ..Group::default()
        };
        mem::replace(&mut staged.group, rest)
    }
}
