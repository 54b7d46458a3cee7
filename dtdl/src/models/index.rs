//! The index of a directory: its listing, of which a refresh reads only the files that have changed.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::Metadata,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Listing, ModelError};
use crate::dtmi::Dtmi;

/// The resolution of modification times, at most: a file that was changed more recently than this before it was read may
/// change again without a sign. In tests so long that no file grows older meanwhile.
const TIME_RESOLUTION: Duration = Duration::from_secs(if cfg!(test) { 300 } else { 2 });

/// The files of a directory, as of the last refresh.
#[derive(Debug, Default)]
pub(super) struct Index {
    files: BTreeMap<PathText, IndexedFile>,
    /// True if the last refresh has read all that it had to read.
    is_complete: bool,
}

/// The outcome of reading a file.
#[derive(Debug)]
pub(super) struct IndexedFile {
    /// `None` for a directory or a file without metadata, because of an error.
    version: Option<FileVersion>,
    /// False if the file may have changed without another version.
    is_settled: bool,
    outcome: Result<Dtmi, Arc<ModelError>>,
}

/// The state of a file, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileVersion {
    modified: SystemTime,
    size: u64,
}

impl IndexedFile {
    /// Makes the record of what reading the file at `time` resulted in.
    pub(super) fn new(
        version: Option<FileVersion>,
        time: SystemTime,
        outcome: Result<Dtmi, ModelError>,
    ) -> Self {
        Self {
            version,
            is_settled: version.is_some_and(|version| version.is_settled(time)),
            outcome: outcome.map_err(Arc::new),
        }
    }

    fn error(&self) -> Option<&Arc<ModelError>> {
        self.outcome.as_ref().err()
    }
}

impl FileVersion {
    pub(super) fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Self {
            modified: metadata.modified()?,
            size: metadata.len(),
        })
    }

    /// Returns true if a change after `time` results in another version. A time in the future is that of another clock.
    fn is_settled(&self, time: SystemTime) -> bool {
        let difference = match time.duration_since(self.modified) {
            Ok(age) => age,
            Err(ahead) => ahead.duration(),
        };
        difference > TIME_RESOLUTION
    }
}

impl Index {
    /// Returns what is known so far. The interfaces are not sorted.
    pub(super) fn listing(&self) -> Listing {
        let mut listing = Listing {
            pending: !self.is_complete,
            ..Listing::default()
        };
        for file in self.files.values() {
            match &file.outcome {
                Ok(id) => listing.ids.push(id.clone()),
                Err(error) => listing.broken.push(Arc::clone(error)),
            }
        }
        listing
    }

    /// Removes the files that are not in `found`, and returns those to read. The changed ones stay in the listing until then.
    pub(super) fn compare(&mut self, mut found: FoundFiles) -> FoundFiles {
        self.files.retain(|file, _| found.contains_key(file));
        found.retain(|file, version| {
            let known = self.files.get(file).filter(|known| known.is_settled);
            known.is_none_or(|known| known.version != version.as_ref().ok().copied())
        });
        self.is_complete = found.is_empty();
        found
    }

    /// Notes that all files to read were read.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Removes a file that is gone.
    pub(super) fn remove(&mut self, path: &OsStr) {
        self.files.remove(path);
    }

    /// Records a file. Returns its error, unless the same version had it before.
    pub(super) fn record(
        &mut self,
        path: PathText,
        file: IndexedFile,
    ) -> Result<(), Arc<ModelError>> {
        let (version, error) = (file.version, file.error().map(Arc::clone));
        let old = self.files.insert(path, file);
        let old = old.filter(|old| old.version == version);
        let known = old.as_ref().and_then(|old| old.error());
        match error {
            Some(error) if known.map(ToString::to_string) != Some(error.to_string()) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The files and unreadable directories that a walk has found.
pub(super) type FoundFiles = BTreeMap<PathText, Result<FileVersion, ModelError>>;

/// A path, compared by bytes. A `Path` is compared by components, which takes longer than reading the metadata of the file.
pub(super) type PathText = OsString;
