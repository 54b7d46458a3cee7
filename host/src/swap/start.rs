//! Which version a host begins with.

use std::path::Path;

use super::{Entry, Source as By, Step, Versions, back::roll_back, shelf::Shelf};
use crate::{
    clock::Clock,
    guest::{
        Component, Sandbox,
        compile::{Compiler, LoadError, Source},
    },
    store::{DeviceStore, batch::Batch},
};

/// The versions a device begins with.
pub struct Beginning {
    /// What runs.
    pub component: Component,
    /// What it falls back to, if it is on probation.
    pub fallback: Option<Component>,
    /// What ran before it, if it was accepted.
    pub previous: Option<Component>,
    /// Whether the component's file is to take over: it is another one than when something became of it last.
    pub file_is_new: bool,
}

/// Loads components, from files and from the shelf.
pub struct Loader<'a> {
    /// Compiles them.
    pub compiler: &'a Compiler,
    /// Where they will run.
    pub sandbox: &'a Sandbox,
    /// Where earlier ones are; none if nothing outlives the process.
    pub shelf: Option<&'a Shelf>,
}

/// Chooses what begins, and puts it down in the store. A device that has run before begins with the version it accepted,
/// even if the component's file is gone or another one; a new file then takes over as in any swap. A version whose process
/// was killed or crashed while it was on probation is tried once more; if that happens again, it is rolled back.
///
/// # Errors
/// If no version can be loaded.
pub async fn begin(
    loader: &Loader<'_>,
    file: &Path,
    store: &mut DeviceStore,
    clock: &dyn Clock,
) -> Result<Beginning, LoadError> {
    let source = Source::read(file, loader.sandbox.limits());
    if store.saved().versions.running.is_none() {
        return loader.first(&source?).await;
    }
    count_this_process(store, clock);
    let beginning = loader.again(&source, store, clock).await?;
    let mut versions = store.saved().versions.clone();
    let file_is_new = is_new(&versions, file, &source);
    if let Ok(source) = source
        && versions.runs(source.sha256())
        && versions.file.as_deref() != Some(source.sha256())
    {
        versions.file = Some(source.sha256().to_string());
        let versions = Some(versions);
        store.commit(
            Batch {
                versions,
                ..Batch::default()
            },
            clock,
        );
    }
    Ok(Beginning {
        file_is_new,
        ..beginning
    })
}

impl Loader<'_> {
    /// The first version a device has.
    async fn first(&self, source: &Source) -> Result<Beginning, LoadError> {
        let component = self.load(source).await?;
        self.keep(source);
        Ok(Beginning {
            component,
            fallback: None,
            previous: None,
            file_is_new: false,
        })
    }

    /// The version that ran; if it cannot be loaded, an earlier one, and if there is none, the file.
    async fn again(
        &self,
        source: &Result<Source, LoadError>,
        store: &mut DeviceStore,
        clock: &dyn Clock,
    ) -> Result<Beginning, LoadError> {
        let versions = store.saved().versions.clone();
        let fallback = versions.fallback.map(|fallback| fallback.version);
        let fallback = self.earlier(fallback.map(|it| it.about.sha256)).await;
        let previous = self
            .earlier(versions.previous.map(|it| it.about.sha256))
            .await;
        let sha256 = versions.running.map(|running| running.about.sha256);
        let ran = self.find(&sha256.unwrap_or_default(), source).await;
        let (component, fallback, previous) = match (ran, fallback, previous) {
            (Ok(component), fallback, previous) => (component, fallback, previous),
            (Err(error), Some(fallback), previous) => {
                let reason = format!("it cannot be loaded: {error}");
                if let Some((batch, entry)) = roll_back(store.saved(), clock, By::Host, &reason) {
                    put_down(batch, entry, store, clock);
                }
                (fallback, None, previous)
            }
            (Err(error), None, Some(previous)) => {
                fall_back(&format!("it cannot be loaded: {error}"), store, clock);
                (previous, None, None)
            }
            (Err(error), None, None) => {
                let Ok(source) = source else {
                    return Err(error);
                };
                tracing::error!(%error, "the version that ran cannot be loaded; the component's file takes its place");
                let component = self.first(source).await?.component;
                let versions = Some(Versions::default());
                store.commit(
                    Batch {
                        versions,
                        ..Batch::default()
                    },
                    clock,
                );
                (component, None, None)
            }
        };
        Ok(Beginning {
            component,
            fallback,
            previous,
            file_is_new: false,
        })
    }

    async fn load(&self, source: &Source) -> Result<Component, LoadError> {
        self.compiler.load(self.sandbox, source).await
    }

    /// A device runs all the same if this fails, from the file.
    fn keep(&self, source: &Source) {
        if let Some(Err(error)) = self.shelf.map(|shelf| shelf.keep(source)) {
            tracing::error!(%error, "the component cannot be kept beside the device's state");
        }
    }

    /// The version with this hash, from the component's file if that is it.
    async fn find(
        &self,
        sha256: &str,
        file: &Result<Source, LoadError>,
    ) -> Result<Component, LoadError> {
        match (file, self.shelf) {
            (Ok(source), _) if **source.sha256() == *sha256 => {
                self.keep(source);
                self.load(source).await
            }
            (_, Some(shelf)) => self.load(&shelf.take(sha256, self.sandbox.limits())?).await,
            (_, None) => Err(LoadError::Unreadable {
                path: sha256.into(),
                reason: "no components are kept".to_owned(),
            }),
        }
    }

    /// A version to fall back on; one that cannot be loaded is done without.
    async fn earlier(&self, sha256: Option<String>) -> Option<Component> {
        let source = self.shelf?.take(&sha256?, self.sandbox.limits());
        let loaded = match source {
            Ok(source) => self.load(&source).await,
            Err(error) => Err(error),
        };
        loaded
            .inspect_err(|error| tracing::warn!(%error, "an earlier version cannot be loaded"))
            .ok()
    }
}

/// A process has begun, perhaps after one that ended while a version was on probation.
fn count_this_process(store: &mut DeviceStore, clock: &dyn Clock) {
    let mut versions = store.saved().versions.clone();
    let Some(fallback) = &mut versions.fallback else {
        return;
    };
    let clean = std::mem::take(&mut fallback.clean);
    fallback.ended += u32::from(!clean);
    if clean || fallback.ended == 1 {
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
        return put_down(batch, entry, store, clock);
    }
    let reason = "the host was killed twice while it was on probation";
    if let Some((batch, entry)) = roll_back(store.saved(), clock, By::Host, reason) {
        put_down(batch, entry, store, clock);
    }
}

/// The version before takes over the state of one that was accepted.
fn fall_back(reason: &str, store: &mut DeviceStore, clock: &dyn Clock) {
    let mut versions = store.saved().versions.clone();
    let mut entry = Entry::new(clock.now(), Step::RolledBack, By::Host).because(reason);
    entry.version = versions.running.clone().map(|running| running.about);
    versions.fall_back(reason);
    entry.instead = versions.running.clone().map(|running| running.about);
    let batch = Batch {
        versions: Some(versions),
        ..Batch::default()
    };
    put_down(batch, entry, store, clock);
}

fn put_down(mut batch: Batch, entry: Entry, store: &mut DeviceStore, clock: &dyn Clock) {
    entry.log("");
    batch.steps.push(entry);
    store.commit(batch, clock);
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
