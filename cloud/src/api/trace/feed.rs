//! The feed of trace records to one client: in order, with a notice for each gap.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::watch;

use crate::{
    api::Services,
    trace::{Trace, TracePage, TraceRecord},
};

/// The number of records read at a time.
const PAGE_SIZE: usize = 256;

/// An item of the feed.
pub(super) enum TraceItem {
    /// A record.
    Record(Arc<TraceRecord>),
    /// A gap: the client asked for what follows `since`, but the oldest record is `oldest`.
    Gap { since: u64, oldest: u64 },
}

/// A feed that reads the records there are, then waits for new ones.
pub(super) struct TraceFeed {
    trace: Trace,
    device: Option<String>,
    follow: bool,
    reached: u64,
    queue: VecDeque<TraceItem>,
    newest: watch::Receiver<u64>,
    shutdown: watch::Receiver<bool>,
}

impl TraceFeed {
    /// Opens a feed after the record `since`, of one device if it is named.
    pub(super) fn new(
        services: &Services,
        since: u64,
        device: Option<String>,
        follow: bool,
    ) -> Self {
        let trace = services.hub.trace().clone();
        let newest = trace.newest();
        // A number that was never assigned belongs to another run of the cloud.
        let is_known = since <= *newest.borrow();
        Self {
            trace,
            device,
            follow,
            reached: if is_known { since } else { 0 },
            queue: VecDeque::new(),
            newest,
            shutdown: services.shutdown.clone(),
        }
    }

    /// Waits for the next item; `None` at the end, or when the cloud shuts down.
    pub(super) async fn next(&mut self) -> Option<TraceItem> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Some(item);
            }
            if !self.read() {
                self.wait().await?;
            }
        }
    }

    /// Reads the next records. Returns false if there were none.
    fn read(&mut self) -> bool {
        let TracePage { records, oldest } = self.trace.after(self.reached, PAGE_SIZE);
        // From the beginning means from the oldest record, without a gap.
        if self.reached > 0 && self.reached + 1 < oldest {
            self.queue.push_back(TraceItem::Gap {
                since: self.reached,
                oldest,
            });
        }
        let Some(last) = records.last() else {
            self.reached = self.reached.max(oldest - 1);
            return !self.queue.is_empty();
        };
        self.reached = last.sequence;
        let device = self.device.as_deref();
        let selected = records
            .into_iter()
            .filter(|record| device.is_none_or(|device| record.device() == Some(device)));
        self.queue.extend(selected.map(TraceItem::Record));
        true
    }

    async fn wait(&mut self) -> Option<()> {
        if !self.follow {
            return None;
        }
        let reached = self.reached;
        tokio::select! {
            newest = self.newest.wait_for(|newest| *newest > reached) => newest.ok().map(|_| ()),
            _ = self.shutdown.wait_for(|ended| *ended) => None,
        }
    }
}
