//! The journal of staged changes, in order.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use super::{Content, Row, locked};
use crate::{
    clock::now,
    events::{Event, EventKind},
};

/// The bytes of uncommitted messages, of all devices together, above which connections pause reading.
const MAX_UNCOMMITTED: usize = 32 * 1024 * 1024;

/// Staged changes: the newest content of each row, and every event. Bounded because a connection with many uncommitted steps
/// is not read from.
pub(super) struct Journal {
    staged: Mutex<Staged>,
    changed: Condvar,
}

struct Staged {
    group: CommitGroup,
    /// Bytes of messages in the group being written.
    writing: usize,
    last_sequence: u64,
    closing: bool,
}

/// Changes that are committed together.
#[derive(Default)]
pub(super) struct CommitGroup {
    /// The number of changes staged since the start of the process.
    pub(super) position: u64,
    pub(super) rows: BTreeMap<Row, Option<Content>>,
    pub(super) events: Vec<Arc<Event>>,
    /// Bytes of messages among the events.
    bytes: usize,
}

impl CommitGroup {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.events.is_empty()
    }
}

impl Journal {
    /// Makes an empty journal, whose first event has the number after this.
    pub(super) fn new(last_sequence: u64) -> Self {
        Self {
            staged: Mutex::new(Staged {
                group: CommitGroup::default(),
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

    /// Returns the number of the last event, committed or not.
    pub(super) fn last_sequence(&self) -> u64 {
        locked(&self.staged).last_sequence
    }

    pub(super) fn close(&self) {
        locked(&self.staged).closing = true;
        self.changed.notify_one();
    }

    /// Waits for staged changes or the close of the store, for at most `timeout`. Returns true if the store closes.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let staged = locked(&self.staged);
        let idle = |staged: &mut Staged| staged.group.is_empty() && !staged.closing;
        let waited = self.changed.wait_timeout_while(staged, timeout, idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    /// Waits for `time` or the close of the store. Returns true if the store closes.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let staged = locked(&self.staged);
        let open = |staged: &mut Staged| !staged.closing;
        let waited = self.changed.wait_timeout_while(staged, time, open);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    pub(super) fn is_idle(&self) -> bool {
        locked(&self.staged).group.is_empty()
    }

    /// Returns true if connections should pause reading.
    pub(super) fn is_backlogged(&self) -> bool {
        let staged = locked(&self.staged);
        staged.group.bytes + staged.writing > MAX_UNCOMMITTED
    }

    /// Marks the group taken last as written.
    pub(super) fn mark_written(&self) {
        locked(&self.staged).writing = 0;
    }

    /// Takes all staged changes.
    pub(super) fn take(&self) -> CommitGroup {
        let mut staged = locked(&self.staged);
        staged.writing = staged.group.bytes;
        let position = staged.group.position;
        let rest = CommitGroup {
            position,
            ..CommitGroup::default()
        };
        mem::replace(&mut staged.group, rest)
    }
}
