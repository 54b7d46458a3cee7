//! One client's view of the events: in order, without gaps that it is not told of.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::error;

use super::selection::Selection;
use crate::api::Services;
use crate::hub::{Event, Hub};
use crate::store::{Page, Store, StoreError};

/// What a client is told.
#[derive(Debug)]
pub(super) enum Told {
    /// Something happened.
    Event(Arc<Event>),
    /// The client wanted to go on after `since`, but the first that is kept is `oldest`.
    Gap { since: u64, oldest: u64 },
}

/// What is kept is read page by page; then events come by themselves.
pub(super) struct Follower {
    store: Store,
    hub: Hub,
    wanted: Arc<Selection>,
    waiting: VecDeque<Told>,
    place: Place,
    receiver: Receiver<Arc<Event>>,
    shutdown: watch::Receiver<bool>,
}

/// How far a client is.
enum Place {
    /// It has had nothing yet; this was the last event when it came.
    Start(u64),
    /// It has seen everything up to this number, and there is more.
    Behind(u64),
    /// It has seen everything up to this number, and that is all there was.
    Ahead(u64),
}

impl Follower {
    /// What happens after this returned is not missed.
    pub(super) fn new(services: &Services, wanted: Selection) -> Self {
        let store = services.hub.store().clone();
        // Before anything is read: what is committed meanwhile is in both, and counted once.
        let receiver = store.follow();
        let last = store.last_event();
        Self {
            store,
            hub: services.hub.clone(),
            wanted: Arc::new(wanted),
            waiting: VecDeque::new(),
            place: Place::Start(last),
            receiver,
            shutdown: services.shutdown.clone(),
        }
    }

    /// The hub whose events these are.
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The next there is to tell, or nothing when all is told or the cloud ends.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<Told>, StoreError> {
        loop {
            if let Some(told) = self.waiting.pop_front() {
                return Ok(Some(told));
            }
            match self.place {
                Place::Start(last) => self.begin(last).await?,
                Place::Behind(reached) => self.read(reached).await?,
                Place::Ahead(_) if !self.wanted.follow => return Ok(None),
                Place::Ahead(reached) => match self.receive(reached).await {
                    Some(()) => {}
                    None => return Ok(None),
                },
            }
        }
    }

    async fn begin(&mut self, last: u64) -> Result<(), StoreError> {
        let wanted = Arc::clone(&self.wanted);
        let start = self.blocking(move |store| start(store, &wanted, last));
        let start = start.await?;
        self.place = Place::Behind(start);
        match self.wanted.since {
            // A number that was never given is of another cloud.
            Some(since) if since > last => self.waiting.push_back(Told::Gap {
                since,
                oldest: start + 1,
            }),
            _ => {}
        }
        Ok(())
    }

    async fn read(&mut self, after: u64) -> Result<(), StoreError> {
        let wanted = Arc::clone(&self.wanted);
        let page = self.blocking(move |store| store.events(&wanted.filter, after));
        let Page {
            events,
            reached,
            is_last,
            oldest,
        } = page.await?;
        // Whoever asks for the beginning gets the beginning there is.
        if after > 0 && after + 1 < oldest {
            self.waiting.push_back(Told::Gap {
                since: after,
                oldest,
            });
        }
        let events = events.into_iter().map(Arc::new).map(Told::Event);
        self.waiting.extend(events);
        self.place = match is_last {
            true => Place::Ahead(reached),
            false => Place::Behind(reached),
        };
        Ok(())
    }

    /// Waits for the next event. Whoever falls behind reads what it missed.
    async fn receive(&mut self, reached: u64) -> Option<()> {
        let received = tokio::select! {
            received = self.receiver.recv() => received,
            _ = self.shutdown.wait_for(|ended| *ended) => return None,
        };
        match received {
            Ok(event) if event.sequence > reached => {
                self.place = Place::Ahead(event.sequence);
                if self.wanted.filter.takes(&event) {
                    self.waiting.push_back(Told::Event(event));
                } else if self.wanted.is_over(&event) {
                    return None;
                }
            }
            Ok(_) => {}
            Err(RecvError::Closed) => return None,
            Err(RecvError::Lagged(_)) => self.place = Place::Behind(reached),
        }
        Some(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let read = spawn_blocking(move || read(&store)).await;
        let read = read.unwrap_or_else(|ended| Err(self.store.damaged(ended)));
        read.inspect_err(|why| error!(%why, "cannot read events"))
    }
}

/// The number after which a client begins that came when this was the last event.
fn start(store: &Store, wanted: &Selection, end: u64) -> Result<u64, StoreError> {
    let since = wanted.since.filter(|since| *since <= end).unwrap_or(0);
    let from = match wanted.filter.from {
        Some(from) => store.before_time(from)?,
        None => 0,
    };
    let last = match wanted.last {
        Some(last) => store.before_last(&wanted.filter, end, last)?,
        None => 0,
    };
    Ok(since.max(from).max(last))
}
