//! One client's view of the trace: in order, and without gaps that it is not told of.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;

use crate::api::Services;
use crate::trace::{Page, Record, Trace};

/// So many records are taken at a time.
const PAGE: usize = 256;

/// What a client is told.
pub(super) enum Told {
    /// Something was seen.
    Record(Arc<Record>),
    /// The client wanted to go on after `since`, but the first that is kept is `oldest`.
    Gap { since: u64, oldest: u64 },
}

pub(super) struct Watch {
    trace: Trace,
    device: Option<String>,
    follow: bool,
    seen: u64,
    waiting: VecDeque<Told>,
    newest: watch::Receiver<u64>,
    shutdown: watch::Receiver<bool>,
}

impl Watch {
    pub(super) fn new(
        services: &Services,
        since: u64,
        device: Option<String>,
        follow: bool,
    ) -> Self {
        let trace = services.hub.trace().clone();
        let newest = trace.newest();
        // A number that was never given is of another run of the cloud.
        let is_known = since <= *newest.borrow();
        Self {
            trace,
            device,
            follow,
            seen: if is_known { since } else { 0 },
            waiting: VecDeque::new(),
            newest,
            shutdown: services.shutdown.clone(),
        }
    }

    /// The next there is to tell; none when all is told or the cloud ends.
    pub(super) async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.waiting.pop_front() {
                return Some(told);
            }
            if !self.read() {
                self.wait().await?;
            }
        }
    }

    /// Takes the next records. Whether there were any.
    fn read(&mut self) -> bool {
        let Page { records, oldest } = self.trace.after(self.seen, PAGE);
        // Whoever asks for the beginning gets the beginning there is.
        if self.seen > 0 && self.seen + 1 < oldest {
            self.waiting.push_back(Told::Gap {
                since: self.seen,
                oldest,
            });
        }
        let Some(last) = records.last() else {
            self.seen = self.seen.max(oldest - 1);
            return !self.waiting.is_empty();
        };
        self.seen = last.sequence;
        let device = self.device.as_deref();
        let wanted = records
            .into_iter()
            .filter(|record| device.is_none_or(|device| record.device() == Some(device)));
        self.waiting.extend(wanted.map(Told::Record));
        true
    }

    async fn wait(&mut self) -> Option<()> {
        if !self.follow {
            return None;
        }
        let seen = self.seen;
        tokio::select! {
            newest = self.newest.wait_for(|newest| *newest > seen) => newest.ok().map(|_| ()),
            _ = self.shutdown.wait_for(|ended| *ended) => None,
        }
    }
}
