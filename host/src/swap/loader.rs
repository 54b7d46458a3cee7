//! Loads the versions of a device, from the component's file and from its shelf.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{Order, shelf::Shelf};
use crate::{
    clock::Clock,
    guest::{
        Component, Sandbox,
        compile::{Blame, Compiler, LoadError, Source},
    },
};

/// Time between two tries to load a version while the machine is to blame: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// Loads components for one device.
#[derive(Clone)]
pub struct Loader {
    /// Compiles them.
    pub compiler: Compiler,
    /// Where they will run.
    pub sandbox: Sandbox,
    /// Where those are that may be needed yet; none if nothing outlives the process.
    pub shelf: Option<Shelf>,
}

impl Loader {
    /// Compiles from now on without taking the machine from a device that runs.
    #[must_use]
    pub fn beside_a_device(mut self) -> Self {
        self.compiler.in_background = true;
        self
    }

    /// Loads a component. May be dropped at any time.
    pub async fn load(&self, source: &Source) -> Result<Component, LoadError> {
        self.compiler.load(&self.sandbox, source).await
    }

    /// Keeps a component's bytes. A device runs all the same if this fails, from the file.
    pub(super) fn keep(&self, source: &Source) {
        if let Some(Err(error)) = self.shelf.as_ref().map(|shelf| shelf.keep(source)) {
            tracing::error!(%error, "the component cannot be kept beside the device's state");
        }
    }

    /// Loads the version with this hash, from `file` if that is it. Does not end while the machine is to blame that this
    /// fails.
    pub(super) async fn patiently(
        &self,
        sha256: &str,
        file: Option<&Source>,
        clock: &dyn Clock,
    ) -> Result<Component, LoadError> {
        let (mut pause, longest) = PAUSES;
        loop {
            let error = match self.find(sha256, file).await {
                Err(error) if error.blame() == Blame::Machine => error,
                result => return result,
            };
            let seconds = pause.as_secs();
            tracing::error!(%error, "a version cannot be loaded now; the next try is in {seconds} s");
            clock.sleep_until(clock.monotonic() + pause).await;
            pause = longest.min(pause * 2);
        }
    }

    async fn find(&self, sha256: &str, file: Option<&Source>) -> Result<Component, LoadError> {
        if let Some(source) = file.filter(|source| **source.sha256() == *sha256) {
            self.keep(source);
            return self.load(source).await;
        }
        let Some(shelf) = &self.shelf else {
            return Err(LoadError::Lost {
                path: sha256.into(),
                reason: "no components are kept",
            });
        };
        self.load(&shelf.take(sha256, self.sandbox.limits())?).await
    }

    /// Loads versions a device may turn to, beside it, and hands them over. One that cannot be loaded is done without.
    pub async fn bring(
        self,
        versions: Vec<String>,
        orders: mpsc::Sender<Order<Component>>,
        clock: Arc<dyn Clock>,
    ) {
        for sha256 in versions {
            match self.patiently(&sha256, None, &*clock).await {
                // A device that has ended needs none.
                Ok(component) => drop(orders.send(Order::Earlier(component)).await),
                Err(error) => tracing::warn!(%error, "an earlier version cannot be loaded"),
            }
        }
    }
}
