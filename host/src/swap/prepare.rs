//! Prepares a candidate from a swap request while the device runs: read, compiled, checked and saved.

use std::path::Path;

use jiff::Timestamp;
use tokio::{select, sync::mpsc, task::spawn_blocking};

use super::{DeviceRequest, SwapCommand, SwapRequest, loader::Loader};
use crate::{
    guest::{
        Component,
        compile::{ComponentSource, LoadError},
        progress::{CompileProgress, announced},
    },
    store::disk::with_remedy,
    versions::{HistoryEntry, SwapStep},
};

/// The preparation of candidates for one device.
pub struct Preparer {
    /// The loader of candidates.
    pub loader: Loader,
}

impl Preparer {
    /// Prepares requested versions and hands them to the device, until the command channel closes. A newer command cancels
    /// the preparation for an older one.
    pub async fn run(
        self,
        mut commands: mpsc::Receiver<SwapCommand>,
        requests: mpsc::Sender<DeviceRequest<Component>>,
    ) {
        let mut next = commands.recv().await;
        while let Some(command) = next {
            let swap = match command {
                SwapCommand::Swap(swap) => swap,
                SwapCommand::Rollback(step_sender) => {
                    send(&requests, DeviceRequest::Rollback(step_sender)).await;
                    next = commands.recv().await;
                    continue;
                }
            };
            record_step(&requests, SwapStep::Requested, &swap, None).await;
            let loaded = select! {
                loaded = self.load(&swap) => loaded,
                Some(newer) = commands.recv() => {
                    let reason = match newer {
                        SwapCommand::Swap(_) => "a newer version was requested during preparation",
                        SwapCommand::Rollback(_) => "a rollback was requested during preparation",
                    };
                    record_step(&requests, SwapStep::Superseded, &swap, Some(reason.to_owned())).await;
                    next = Some(newer);
                    continue;
                }
            };
            // Not cancelled half way: the next preparation would find the component store in use.
            let saved = match loaded {
                Ok((source, component)) => self.save(source, &requests).await.map(|()| component),
                Err(error) => Err(error.to_string()),
            };
            match saved {
                Ok(component) => send(&requests, DeviceRequest::Swap(component, swap)).await,
                Err(error) => {
                    let reason = with_file_name(&error, &swap.file);
                    record_step(&requests, SwapStep::Rejected, &swap, Some(reason)).await;
                }
            }
            next = commands.recv().await;
        }
    }

    async fn load(&self, swap: &SwapRequest) -> Result<(ComponentSource, Component), LoadError> {
        let file = &*swap.file;
        let (path, limits) = (file.to_owned(), self.loader.sandbox.limits().clone());
        let reading = spawn_blocking(move || ComponentSource::read(&path, &limits));
        let source = joined(file, reading.await)??;
        let Loader {
            compiler, sandbox, ..
        } = &self.loader;
        let loading = self.loader.load(&source);
        let component = match compiler.is_cached(sandbox, &source) {
            true => loading.await?,
            false => announced(&source, loading, |progress| tell(swap, &progress)).await?,
        };
        Ok((source, component))
    }

    /// Saves the bytes in the component store, and removes versions that are no longer needed. The error is for a person.
    async fn save(
        &self,
        source: ComponentSource,
        requests: &mpsc::Sender<DeviceRequest<Component>>,
    ) -> Result<(), String> {
        let Some(store) = self.loader.component_store.clone() else {
            return Ok(());
        };
        // None if the device has ended.
        let needed = DeviceRequest::round_trip(requests, DeviceRequest::NeededVersions).await;
        let file = source.path().to_owned();
        let saving = spawn_blocking(move || {
            store.save(&source)?;
            match needed {
                Some(needed) => store.retain(&[needed, vec![source.sha256().to_string()]].concat()),
                None => Ok(()),
            }
        });
        let saved = saving.await.unwrap_or_else(|error| Err(error.into()));
        saved.map_err(|error| {
            let (file, reason) = (file.display(), with_remedy(&error));
            format!("cannot save component {file} in the state directory: {reason}")
        })
    }
}

/// Tells the requester of a swap that its candidate is being compiled. The history has nothing of it.
fn tell(swap: &SwapRequest, progress: &CompileProgress) {
    if let Some(step_sender) = &swap.step_sender {
        let entry = HistoryEntry::new(Timestamp::now(), SwapStep::Requested, swap.source);
        // The requester may have gone.
        let _ = step_sender.send(entry.with_reason(progress.describe()));
    }
}

/// Replaces the file's path in an error by its name: the twin's readers have another disk.
fn with_file_name(reason: &str, file: &Path) -> String {
    match file.file_name() {
        Some(name) => reason.replacen(&*file.to_string_lossy(), &name.to_string_lossy(), 1),
        None => reason.to_owned(),
    }
}

fn joined<T>(file: &Path, result: Result<T, tokio::task::JoinError>) -> Result<T, LoadError> {
    result.map_err(|error| LoadError::Unreadable {
        path: file.to_owned(),
        reason: error.to_string(),
        may_pass: false,
    })
}

async fn record_step(
    requests: &mpsc::Sender<DeviceRequest<Component>>,
    step: SwapStep,
    swap: &SwapRequest,
    reason: Option<String>,
) {
    let mut entry = HistoryEntry::new(Timestamp::now(), step, swap.source);
    entry.file = Some(swap.file.clone());
    entry.reason = reason;
    let request = DeviceRequest::RecordStep(Box::new(entry), swap.step_sender.clone());
    send(requests, request).await;
}

async fn send(
    requests: &mpsc::Sender<DeviceRequest<Component>>,
    request: DeviceRequest<Component>,
) {
    // A device that has ended needs no versions.
    let _ = requests.send(request).await;
}
