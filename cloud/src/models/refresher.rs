//! The thread that reads the directory of models for the listing.

use std::{io, thread, time::Duration};

use dtdl::Models;
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::timeout,
};
use tracing::warn;

/// The time for a refresh before a listing is answered with what is known so far. Enough to compare several thousand files.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(50);

/// The unusable files that one refresh names in the log.
const MAX_NAMED: usize = 10;

/// A thread that refreshes a listing at its start and on request. Ends when this value is dropped.
pub(super) struct Refresher(UnboundedSender<Waiting>);

/// A request for a refresh. Dropped at its end, which ends the wait.
type Waiting = oneshot::Sender<()>;

impl Refresher {
    /// Starts the first refresh.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub(super) fn start(models: Models) -> io::Result<Self> {
        let (requests, queue) = unbounded_channel();
        let thread = thread::Builder::new().name("models".into());
        thread.spawn(move || run(&models, queue))?;
        Ok(Self(requests))
    }

    /// Refreshes the listing. After [`REFRESH_TIMEOUT`] the refresh goes on in the background.
    pub(super) async fn refresh(&self) {
        let (waiting, ended) = oneshot::channel();
        // Without the thread, which only ends by itself if it fails, the wait ends at once.
        let _ = self.0.send(waiting);
        let _ = timeout(REFRESH_TIMEOUT, ended).await;
    }
}

fn run(models: &Models, mut queue: UnboundedReceiver<Waiting>) {
    refresh(models, &queue);
    while let Some(first) = queue.blocking_recv() {
        // One refresh answers all that were waiting when it began.
        let mut waiting = vec![first];
        while let Ok(next) = queue.try_recv() {
            waiting.push(next);
        }
        refresh(models, &queue);
    }
}

fn refresh(models: &Models, queue: &UnboundedReceiver<Waiting>) {
    let mut unusable = 0;
    for read in models.refresh() {
        if let Err(error) = read {
            unusable += 1;
            if unusable <= MAX_NAMED {
                warn!(%error, "model ignored");
            }
        }
        if queue.is_closed() {
            return;
        }
    }
    if let Some(more @ 1..) = unusable.checked_sub(MAX_NAMED) {
        warn!(
            files = more,
            "more models ignored: GET /api/models lists them"
        );
    }
}
