//! Loads the versions of a device, from the component's file and from the component store.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{DeviceRequest, component_store::ComponentStore};
use crate::{
    clock::Clock,
    guest::{
        Component, Sandbox,
        compile::{Blame, Compiler, ComponentSource, LoadError},
    },
    store::disk::with_remedy,
};

/// First and longest backoff while the machine is to blame that a version cannot be loaded.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// The loader of one device's components.
#[derive(Clone)]
pub struct Loader {
    /// The compiler.
    pub compiler: Compiler,
    /// The sandbox in which components run.
    pub sandbox: Sandbox,
    /// The store of components that may still be needed; `None` for an ephemeral device.
    pub component_store: Option<ComponentStore>,
}

impl Loader {
    /// Compiles at low priority from now on, for a device that runs meanwhile.
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.compiler.in_background = true;
        self
    }

    /// Loads a component. Cancel safe.
    ///
    /// # Errors
    /// The component cannot be compiled, or does not fit this host.
    pub async fn load(&self, source: &ComponentSource) -> Result<Component, LoadError> {
        self.compiler.load(&self.sandbox, source).await
    }

    /// Saves a component's bytes. A failure is logged only: the device runs from the file.
    pub(super) fn save(&self, source: &ComponentSource) {
        let saved = self
            .component_store
            .as_ref()
            .map(|store| store.save(source));
        if let Some(Err(error)) = saved {
            let error = with_remedy(&error);
            tracing::error!(
                error,
                "cannot save component in the state directory; until that works, a start needs the component file"
            );
        }
    }

    /// Loads the version with this hash, from `file` if the hash is that of the file. Retries while the machine is to blame
    /// for a failure.
    pub(super) async fn load_with_retry(
        &self,
        sha256: &str,
        file: Option<&ComponentSource>,
        clock: &dyn Clock,
    ) -> Result<Component, LoadError> {
        let (mut backoff, longest) = BACKOFF;
        loop {
            let error = match self.find(sha256, file).await {
                Err(error) if error.blame() == Blame::Machine => error,
                result => return result,
            };
            let seconds = backoff.as_secs();
            tracing::error!(%error, "cannot load version; next attempt in {seconds} s");
            clock.sleep_until(clock.monotonic() + backoff).await;
            backoff = longest.min(backoff * 2);
        }
    }

    async fn find(
        &self,
        sha256: &str,
        file: Option<&ComponentSource>,
    ) -> Result<Component, LoadError> {
        if let Some(source) = file.filter(|source| **source.sha256() == *sha256) {
            self.save(source);
            return self.load(source).await;
        }
        let Some(store) = &self.component_store else {
            return Err(LoadError::Lost {
                path: sha256.into(),
                reason: "an ephemeral device stores no components".to_owned(),
            });
        };
        self.load(&store.read(sha256, self.sandbox.limits())?).await
    }

    /// Loads the versions a rollback may need and hands them to the device. A version that cannot be loaded is skipped.
    pub async fn load_rollback_targets(
        self,
        versions: Vec<String>,
        requests: mpsc::Sender<DeviceRequest<Component>>,
        clock: Arc<dyn Clock>,
    ) {
        for sha256 in versions {
            match self.load_with_retry(&sha256, None, &*clock).await {
                // A device that has ended needs none.
                Ok(component) => drop(
                    requests
                        .send(DeviceRequest::RollbackTarget(component))
                        .await,
                ),
                Err(error) => tracing::warn!(%error, "cannot load previous version"),
            }
        }
    }
}
