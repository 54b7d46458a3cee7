//! Selects the version a host starts with.

use std::path::Path;

use super::{
    loader::Loader,
    rollback::{roll_back_to_fallback, roll_back_to_previous},
};
use crate::{
    clock::{Clock, boot_id},
    guest::{
        Component,
        compile::{Blame, ComponentSource, LoadError},
    },
    program,
    store::{DeviceStore, batch::Batch},
    versions::{HistoryEntry, PreviousExit, SwapSource, SwapStep, Versions},
};

/// The version a device starts with.
pub struct StartupVersion {
    /// The component to run.
    pub component: Component,
    /// Steps taken to get there, which the history has already.
    pub steps: Vec<HistoryEntry>,
    /// True if the component's file has changed since it was last considered, and is to be swapped in.
    pub file_is_new: bool,
}

/// Selects the version to start with, and records it in the store. A device that has run before starts with the accepted
/// version, even if the component's file is gone or another one; a file that is new, or quarantined with other settings, is
/// then swapped in as usual. A version on
/// probation whose process was killed or crashed gets one more try, and is rolled back after the second time within one boot
/// of the machine.
///
/// Retries while the machine is to blame that the version cannot be loaded. Cancel safe.
///
/// # Errors
/// No version can be loaded.
pub async fn select_version(
    loader: &Loader,
    file: &Path,
    settings: &[(String, String)],
    store: &mut DeviceStore,
    clock: &dyn Clock,
) -> Result<StartupVersion, LoadError> {
    let source = ComponentSource::read(file, loader.sandbox.limits());
    if store.state().versions.running.is_none() {
        let component = loader.load_first(source).await.inspect_err(|error| {
            let mut entry = HistoryEntry::new(clock.now(), SwapStep::Rejected, SwapSource::Start);
            entry.file = Some(file.to_owned());
            commit_step(
                Batch::default(),
                entry.with_reason(error.to_string()),
                store,
                clock,
            );
        })?;
        return Ok(StartupVersion {
            component,
            steps: Vec::new(),
            file_is_new: false,
        });
    }
    let (ok, mut steps) = (source.as_ref().ok(), Vec::new());
    let mut component = loader.load_running(ok, store, clock, &mut steps).await?;
    // Only now: a process that ends before this point says nothing of the version.
    if let Some(step) = record_restart(store, clock, boot_id()) {
        let is_another = step.step == SwapStep::RolledBack;
        steps.push(step);
        if is_another {
            component = loader.load_running(ok, store, clock, &mut steps).await?;
        }
    }
    let file_is_new = is_new(&store.state().versions, file, settings, &source);
    if let Ok(source) = source {
        remember_file(&source, store, clock);
    }
    Ok(StartupVersion {
        component,
        steps,
        file_is_new,
    })
}

impl Loader {
    /// Loads the first version of a device.
    async fn load_first(
        &self,
        source: Result<ComponentSource, LoadError>,
    ) -> Result<Component, LoadError> {
        let source = source?;
        let component = self.load(&source).await?;
        self.save(&source);
        Ok(component)
    }

    /// Loads the running version; if that fails, an earlier one, and as a last resort the file.
    async fn load_running(
        &self,
        file: Option<&ComponentSource>,
        store: &mut DeviceStore,
        clock: &dyn Clock,
        steps: &mut Vec<HistoryEntry>,
    ) -> Result<Component, LoadError> {
        loop {
            let running = store.state().versions.running.clone();
            let sha256 = running.map_or_else(String::new, |running| running.info.sha256);
            let error = match self.load_with_retry(&sha256, file, clock).await {
                Ok(component) => return Ok(component),
                Err(error) => error,
            };
            match roll_back_unloadable(&error, store, clock) {
                // An earlier version is the running one now.
                Some(step) => steps.push(step),
                None => return self.load_file_instead(file, error, store, clock).await,
            }
        }
    }

    /// Loads the component's file when all versions of the device are lost.
    async fn load_file_instead(
        &self,
        file: Option<&ComponentSource>,
        error: LoadError,
        store: &mut DeviceStore,
        clock: &dyn Clock,
    ) -> Result<Component, LoadError> {
        let Some(source) = file else {
            return Err(error);
        };
        tracing::error!(%error, "cannot load any stored version; starting the component file");
        let component = self.load(source).await?;
        self.save(source);
        commit(Versions::default(), store, clock);
        Ok(component)
    }
}

/// Records the start of a process while a version is on probation; `None` if none is.
fn record_restart(
    store: &mut DeviceStore,
    clock: &dyn Clock,
    boot_id: Option<String>,
) -> Option<HistoryEntry> {
    let mut versions = store.state().versions.clone();
    let reason = match versions.fallback.as_mut()?.resume_probation(boot_id) {
        PreviousExit::Clean => "the host was restarted during probation",
        PreviousExit::WithMachine => "the machine was restarted during probation",
        PreviousExit::Killed => "the host was killed during probation",
        PreviousExit::KilledAgain => {
            let reason = "the host was killed twice during probation";
            let (batch, entry) = roll_back_to_fallback(store, clock, SwapSource::Host, reason)?;
            return Some(commit_step(batch, entry, store, clock));
        }
    };
    let mut entry = HistoryEntry::new(clock.now(), SwapStep::Resumed, SwapSource::Host);
    entry.version = versions.running.clone().map(|running| running.info);
    let batch = Batch {
        versions: Some(versions),
        ..Batch::default()
    };
    Some(commit_step(batch, entry.with_reason(reason), store, clock))
}

/// Rolls back the running version, which cannot be loaded; `None` if there is no other. A version whose copy was lost is not
/// quarantined.
fn roll_back_unloadable(
    error: &LoadError,
    store: &mut DeviceStore,
    clock: &dyn Clock,
) -> Option<HistoryEntry> {
    let reason = format!("load failed: {error}");
    let (mut batch, entry) = roll_back_to_fallback(store, clock, SwapSource::Host, &reason)
        .or_else(|| roll_back_to_previous(store.state(), clock, SwapSource::Host, &reason))?;
    if error.blame() == Blame::Copy
        && let (Some(versions), Some(lost)) = (&mut batch.versions, &entry.version)
    {
        versions.lift_quarantine(&lost.sha256);
    }
    Some(commit_step(batch, entry, store, clock))
}

fn commit_step(
    mut batch: Batch,
    entry: HistoryEntry,
    store: &mut DeviceStore,
    clock: &dyn Clock,
) -> HistoryEntry {
    batch.steps.push(entry.clone());
    store.commit(batch, clock);
    entry
}

fn commit(versions: Versions, store: &mut DeviceStore, clock: &dyn Clock) {
    let batch = Batch {
        versions: Some(versions),
        ..Batch::default()
    };
    store.commit(batch, clock);
}

/// Records the hash of the component's file if that is the running version.
fn remember_file(source: &ComponentSource, store: &mut DeviceStore, clock: &dyn Clock) {
    let mut versions = store.state().versions.clone();
    let sha256 = &**source.sha256();
    if versions.is_running(sha256) && versions.file.as_deref() != Some(sha256) {
        versions.file = Some(sha256.to_owned());
        commit(versions, store, clock);
    }
}

/// Returns true if the component's file has not been considered yet, with these settings if it is quarantined.
fn is_new(
    versions: &Versions,
    file: &Path,
    settings: &[(String, String)],
    source: &Result<ComponentSource, LoadError>,
) -> bool {
    match source {
        Ok(source) if versions.is_running(source.sha256()) => false,
        Ok(source)
            if let Some(reason) = versions.quarantine_reason(source.sha256(), settings)
                && versions.file.as_deref() == Some(source.sha256()) =>
        {
            tracing::warn!(
                file = %file.display(),
                reason,
                "component file quarantined after a rollback; running the accepted version; accept the file with `{}`",
                program::command("swap FILE --force")
            );
            false
        }
        Ok(source) if versions.is_quarantined_otherwise(source.sha256(), settings) => true,
        Ok(source) if versions.file.as_deref() == Some(source.sha256()) => {
            tracing::info!(file = %file.display(), "component file unchanged; running the accepted version");
            false
        }
        Ok(_) => versions.running.is_some(),
        Err(error) => {
            tracing::warn!("{error}; running the accepted version");
            false
        }
    }
}
