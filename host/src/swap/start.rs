//! Which version a host begins with.

use std::path::Path;

use super::{
    Entry, Source as By, Step, Versions,
    back::{fall_back, roll_back},
    loader::Loader,
};
use crate::{
    clock::Clock,
    guest::{
        Component,
        compile::{Blame, LoadError, Source},
    },
    store::{DeviceStore, batch::Batch},
};

/// What a device begins with.
pub struct Beginning {
    /// What runs.
    pub component: Component,
    /// What became of versions on the way; the history has it.
    pub steps: Vec<Entry>,
    /// Whether the component's file is to take over: it is another one than when something became of it last.
    pub file_is_new: bool,
}

/// Chooses what begins, and puts it down in the store. A device that has run before begins with the version it accepted,
/// even if the component's file is gone or another one; a new file then takes over as in any swap. A version whose process
/// was killed or crashed while it was on probation is tried once more; if that happens again, it is rolled back.
///
/// While it is the machine's fault that the version that ran cannot be loaded, this does not end; it may be dropped.
///
/// # Errors
/// If no version can be loaded.
pub async fn begin(
    loader: &Loader,
    file: &Path,
    store: &mut DeviceStore,
    clock: &dyn Clock,
) -> Result<Beginning, LoadError> {
    let source = Source::read(file, loader.sandbox.limits());
    if store.saved().versions.running.is_none() {
        let component = loader.first(source).await.inspect_err(|error| {
            let mut entry = Entry::new(clock.now(), Step::Refused, By::Start);
            entry.file = Some(file.to_owned());
            put_down(
                Batch::default(),
                entry.because(error.to_string()),
                store,
                clock,
            );
        })?;
        return Ok(Beginning {
            component,
            steps: Vec::new(),
            file_is_new: false,
        });
    }
    let (ok, mut steps) = (source.as_ref().ok(), Vec::new());
    let mut component = loader.again(ok, store, clock, &mut steps).await?;
    // Only now: a process that ends before says nothing of the version.
    if let Some(step) = count_this_process(store, clock) {
        let is_another = step.step == Step::RolledBack;
        steps.push(step);
        if is_another {
            component = loader.again(ok, store, clock, &mut steps).await?;
        }
    }
    let file_is_new = is_new(&store.saved().versions, file, &source);
    if let Ok(source) = source {
        remember_file(&source, store, clock);
    }
    Ok(Beginning {
        component,
        steps,
        file_is_new,
    })
}

impl Loader {
    /// The first version a device has.
    async fn first(&self, source: Result<Source, LoadError>) -> Result<Component, LoadError> {
        let source = source?;
        let component = self.load(&source).await?;
        self.keep(&source);
        Ok(component)
    }

    /// The version that ran; if it cannot be loaded, an earlier one, and if there is none, the file.
    async fn again(
        &self,
        file: Option<&Source>,
        store: &mut DeviceStore,
        clock: &dyn Clock,
        steps: &mut Vec<Entry>,
    ) -> Result<Component, LoadError> {
        loop {
            let running = store.saved().versions.running.clone();
            let sha256 = running.map_or_else(String::new, |running| running.about.sha256);
            let error = match self.patiently(&sha256, file, clock).await {
                Ok(component) => return Ok(component),
                Err(error) => error,
            };
            match withdraw(&error, store, clock) {
                // An earlier one is what runs now.
                Some(step) => steps.push(step),
                None => return self.in_its_place(file, error, store, clock).await,
            }
        }
    }

    /// The component's file, in the place of a version that is lost with all before it.
    async fn in_its_place(
        &self,
        file: Option<&Source>,
        error: LoadError,
        store: &mut DeviceStore,
        clock: &dyn Clock,
    ) -> Result<Component, LoadError> {
        let Some(source) = file else {
            return Err(error);
        };
        tracing::error!(%error, "the version that ran cannot be loaded; the component's file takes its place");
        let component = self.load(source).await?;
        self.keep(source);
        commit(Versions::default(), store, clock);
        Ok(component)
    }
}

/// A process has begun, perhaps after one that ended while a version was on probation.
fn count_this_process(store: &mut DeviceStore, clock: &dyn Clock) -> Option<Entry> {
    let mut versions = store.saved().versions.clone();
    let fallback = versions.fallback.as_mut()?;
    let clean = std::mem::take(&mut fallback.clean);
    fallback.ended += u32::from(!clean);
    if !clean && fallback.ended > 1 {
        let reason = "the host was killed twice while it was on probation";
        let (batch, entry) = roll_back(store.saved(), clock, By::Host, reason)?;
        return Some(put_down(batch, entry, store, clock));
    }
    let mut entry = Entry::new(clock.now(), Step::Continued, By::Host);
    entry.version = versions.running.clone().map(|running| running.about);
    let entry = entry.because(match clean {
        true => "the host was started again while it was on probation",
        false => "the host was killed while it was on probation",
    });
    let batch = Batch {
        versions: Some(versions),
        ..Batch::default()
    };
    Some(put_down(batch, entry, store, clock))
}

/// Withdraws the version that runs, which cannot be loaded; none if there is no other. A lost copy says nothing against the
/// version.
fn withdraw(error: &LoadError, store: &mut DeviceStore, clock: &dyn Clock) -> Option<Entry> {
    let reason = format!("it cannot be loaded: {error}");
    let saved = store.saved();
    let (mut batch, entry) = roll_back(saved, clock, By::Host, &reason)
        .or_else(|| fall_back(saved, clock, By::Host, &reason))?;
    if error.blame() == Blame::Copy
        && let (Some(versions), Some(lost)) = (&mut batch.versions, &entry.version)
    {
        versions.pardon(&lost.sha256);
    }
    Some(put_down(batch, entry, store, clock))
}

fn put_down(mut batch: Batch, entry: Entry, store: &mut DeviceStore, clock: &dyn Clock) -> Entry {
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

/// The component's file is what runs, however that came to be.
fn remember_file(source: &Source, store: &mut DeviceStore, clock: &dyn Clock) {
    let mut versions = store.saved().versions.clone();
    let sha256 = &**source.sha256();
    if versions.runs(sha256) && versions.file.as_deref() != Some(sha256) {
        versions.file = Some(sha256.to_owned());
        commit(versions, store, clock);
    }
}

/// Whether the component's file is one of which nothing has become yet.
fn is_new(versions: &Versions, file: &Path, source: &Result<Source, LoadError>) -> bool {
    match source {
        Ok(source) if versions.runs(source.sha256()) => false,
        Ok(source) if versions.file.as_deref() == Some(source.sha256()) => {
            tracing::info!(file = %file.display(), "the component's file is as it was; the accepted version runs on");
            false
        }
        Ok(_) => versions.running.is_some(),
        Err(error) => {
            tracing::warn!("{error}; the version that ran goes on");
            false
        }
    }
}
