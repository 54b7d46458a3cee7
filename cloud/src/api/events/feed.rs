//! The feed of events to one client: in order, with a notice for each gap.

use std::{collections::VecDeque, sync::Arc};

use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    task::spawn_blocking,
};
use tracing::error;

use super::selection::EventQuery;
use crate::{
    api::Services,
    events::Event,
    hub::Hub,
    store::{EventPage, Store, StoreError},
};

/// An item of the feed.
#[derive(Debug)]
pub(super) enum EventItem {
    /// An event.
    Event(Arc<Event>),
    /// A gap: of the events after `since`, those before `complete_from` may be deleted.
    Gap { since: u64, complete_from: u64 },
}

/// A feed that reads stored events page by page, then receives new ones.
pub(super) struct EventFeed {
    store: Store,
    hub: Hub,
    selection: Arc<EventQuery>,
    queue: VecDeque<EventItem>,
    position: FeedPosition,
    /// The end of the last gap the client knows of.
    told: u64,
    receiver: Receiver<Arc<Event>>,
    shutdown: watch::Receiver<bool>,
}

/// The position of a client in the events.
enum FeedPosition {
    /// Nothing was read yet; the number is that of the last event when the client came.
    Start(u64),
    /// Everything up to this number was read, and more is stored.
    Behind(u64),
    /// Everything up to this number was read, and it was the last.
    CaughtUp(u64),
}

impl EventFeed {
    /// Opens a feed that misses nothing from now on.
    pub(super) fn new(services: &Services, selection: EventQuery) -> Self {
        let store = services.hub.store().clone();
        // Before anything is read: events committed meanwhile arrive both ways, and are skipped once.
        let receiver = store.subscribe();
        let last = store.last_event();
        Self {
            store,
            hub: services.hub.clone(),
            selection: Arc::new(selection),
            queue: VecDeque::new(),
            position: FeedPosition::Start(last),
            told: 0,
            receiver,
            shutdown: services.shutdown.clone(),
        }
    }

    /// Returns the hub of the events.
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Waits for the next item; `None` at the end of the selection or when the cloud shuts down.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<EventItem>, StoreError> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Ok(Some(item));
            }
            match self.position {
                FeedPosition::Start(last) => self.seek(last).await?,
                FeedPosition::Behind(reached) => self.read(reached).await?,
                FeedPosition::CaughtUp(_) if !self.selection.follow => return Ok(None),
                FeedPosition::CaughtUp(reached) => match self.receive(reached).await {
                    Some(()) => {}
                    None => return Ok(None),
                },
            }
        }
    }

    async fn seek(&mut self, last: u64) -> Result<(), StoreError> {
        let selection = Arc::clone(&self.selection);
        let start = self.blocking(move |store| start(store, &selection, last));
        let start = start.await?;
        self.position = FeedPosition::Behind(start);
        match self.selection.since {
            // A number that was never assigned belongs to another cloud.
            Some(since) if since > last => self.queue.push_back(EventItem::Gap {
                since,
                complete_from: start + 1,
            }),
            _ => {}
        }
        Ok(())
    }

    async fn read(&mut self, after: u64) -> Result<(), StoreError> {
        let selection = Arc::clone(&self.selection);
        let page = self.blocking(move |store| store.events(&selection.filter, after));
        let EventPage {
            events,
            reached,
            is_last,
            complete_after,
        } = page.await?;
        // From the beginning means from the oldest stored event: what is deleted before it is no gap.
        let start = match (after, events.first()) {
            (0, None) => complete_after,
            (0, Some(first)) => first.sequence - 1,
            _ => after,
        };
        if start.max(self.told) < complete_after {
            self.queue.push_back(EventItem::Gap {
                since: start,
                complete_from: complete_after + 1,
            });
        }
        self.told = self.told.max(complete_after);
        let events = events.into_iter().map(Arc::new).map(EventItem::Event);
        self.queue.extend(events);
        self.position = match is_last {
            true => FeedPosition::CaughtUp(reached),
            false => FeedPosition::Behind(reached),
        };
        Ok(())
    }

    /// Waits for the next event. A client that lags behind reads from the store again.
    async fn receive(&mut self, reached: u64) -> Option<()> {
        let received = tokio::select! {
            received = self.receiver.recv() => received,
            _ = self.shutdown.wait_for(|ended| *ended) => return None,
        };
        match received {
            Ok(event) if event.sequence > reached => {
                self.position = FeedPosition::CaughtUp(event.sequence);
                if self.selection.filter.matches(&event) {
                    self.queue.push_back(EventItem::Event(event));
                } else if self.selection.is_over(&event) {
                    return None;
                }
            }
            Ok(_) => {}
            Err(RecvError::Closed) => return None,
            Err(RecvError::Lagged(_)) => self.position = FeedPosition::Behind(reached),
        }
        Some(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let read = spawn_blocking(move || read(&store)).await;
        let read = read.unwrap_or_else(|ended| Err(self.store.corrupt(ended)));
        read.inspect_err(|error| error!(%error, "cannot read events"))
    }
}

/// Returns the number after which a client starts to read; `end` is that of the last event.
fn start(store: &Store, selection: &EventQuery, end: u64) -> Result<u64, StoreError> {
    let since = selection.since.filter(|since| *since <= end).unwrap_or(0);
    let from = match selection.filter.from {
        Some(from) => store.before_time(from)?,
        None => 0,
    };
    let last = match selection.last {
        Some(last) => store.before_last(&selection.filter, end, last)?,
        None => 0,
    };
    Ok(since.max(from).max(last))
}
