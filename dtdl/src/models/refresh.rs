//! The refresh of a listing.

use std::{collections::btree_map, path::Path, sync::Arc, time::SystemTime};

use super::{
    ModelError,
    directory::Directory,
    index::{FileVersion, IndexedFile, PathText},
};

/// A refresh of a directory's listing, from [`Models::refresh`](super::Models::refresh): reads one file at each step.
///
/// The items are the files that were read. An unusable one is an error once: if the same version is read again, it is none. If
/// the refresh is dropped before its end, the next one reads the rest.
#[derive(Debug)]
pub struct Refresh {
    directory: Option<Directory>,
    rest: btree_map::IntoIter<PathText, Result<FileVersion, ModelError>>,
}

impl Refresh {
    pub(super) fn of(directory: Option<Directory>) -> Self {
        let stale = directory.as_ref().map(|directory| {
            let found = directory.walk();
            directory.index().compare(found)
        });
        Self {
            directory,
            rest: stale.unwrap_or_default().into_iter(),
        }
    }
}

impl Iterator for Refresh {
    type Item = Result<(), Arc<ModelError>>;

    fn next(&mut self) -> Option<Self::Item> {
        let directory = self.directory.as_ref()?;
        let Some((path, version)) = self.rest.next() else {
            directory.index().complete();
            return None;
        };
        // Without the lock, so that the listing does not wait for a file.
        let file = read(directory, path.as_ref(), version);
        let mut index = directory.index();
        match file {
            Some(file) => Some(index.record(path, file)),
            None => {
                index.remove(&path);
                Some(Ok(()))
            }
        }
    }
}

/// Reads a file that was found; `None` if it is gone.
fn read(
    directory: &Directory,
    path: &Path,
    version: Result<FileVersion, ModelError>,
) -> Option<IndexedFile> {
    let time = SystemTime::now();
    let (version, outcome) = match version {
        Ok(version) => (Some(version), directory.named_after(path).transpose()?),
        Err(error) => (None, Err(error)),
    };
    Some(IndexedFile::new(version, time, outcome))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::PathBuf,
        time::Duration,
    };

    use serde_json::json;
    use tempfile::TempDir;

    use super::{super::Models, *};

    /// An age that is too low for every read in a test, in minutes.
    const JUST_NOW: i64 = 0;

    /// A directory whose files were changed some time ago.
    struct Repository(TempDir);

    impl Repository {
        fn of(names: &[&str]) -> Self {
            let repository = Self(tempfile::tempdir().unwrap());
            for name in names {
                repository.write(name, &interface(name), 10);
            }
            repository
        }

        fn models(&self) -> Models {
            Models::in_directory(self.0.path())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0
                .path()
                .join(format!("dtmi/com/example/{name}-1.json"))
        }

        /// Writes a file as if it were so many minutes ago.
        fn write(&self, name: &str, text: &str, age: i64) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let distance = Duration::from_mins(age.unsigned_abs());
            let modified = match age {
                0.. => SystemTime::now() - distance,
                _ => SystemTime::now() + distance,
            };
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(modified).unwrap();
        }
    }

    fn interface(name: &str) -> String {
        json!({
            "@context": "dtmi:dtdl:context;2", "@id": format!("dtmi:com:example:{name};1"), "@type": "Interface"
        })
        .to_string()
    }

    /// The listing: the names of the interfaces, and the number of invalid files.
    fn listed(models: &Models) -> (Vec<String>, usize) {
        let listing = models.list();
        let names = listing.ids.iter().map(|id| id.segments().last());
        let names = names.map(|name| name.unwrap().to_owned()).collect();
        (names, listing.broken.len())
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_refresh_reads_only_the_files_that_are_new_or_have_changed() {
        let repository = Repository::of(&["a", "b", "c"]);
        let models = repository.models();
        assert_eq!(models.refresh().count(), 3);
        assert_eq!(models.refresh().count(), 0);
        assert_eq!(listed(&models), (names(&["a", "b", "c"]), 0));

        repository.write("b", &interface("b"), 9);
        assert_eq!(models.refresh().count(), 1);
        repository.write("b", "[]", 9);
        repository.write("d", &interface("d"), 10);
        assert_eq!(models.refresh().count(), 2);
        assert_eq!(listed(&models), (names(&["a", "c", "d"]), 1));

        fs::remove_file(repository.path("a")).unwrap();
        assert_eq!(models.refresh().count(), 0);
        assert_eq!(listed(&models), (names(&["c", "d"]), 1));
        fs::remove_dir_all(repository.0.path().join("dtmi/com")).unwrap();
        assert_eq!(models.refresh().count(), 0);
        assert_eq!(listed(&models), (vec![], 0));
    }

    #[test]
    fn a_file_that_was_written_just_before_it_was_read_is_read_again() {
        let repository = Repository::of(&["old"]);
        repository.write("new", &interface("new"), JUST_NOW);
        let models = repository.models();
        assert_eq!(models.refresh().count(), 2);
        // Neither its size nor its time changes.
        let modified = fs::metadata(repository.path("new")).unwrap().modified();
        fs::write(repository.path("new"), interface("wen")).unwrap();
        let file = File::options().append(true).open(repository.path("new"));
        file.unwrap().set_modified(modified.unwrap()).unwrap();
        assert_eq!(models.refresh().count(), 1);
        assert_eq!(listed(&models), (names(&["old"]), 1));
    }

    #[test]
    fn a_file_dated_in_the_future_is_read_once() {
        let repository = Repository::of(&[]);
        repository.write("early", &interface("early"), -60);
        let models = repository.models();
        assert_eq!(models.refresh().count(), 1);
        assert_eq!(models.refresh().count(), 0);
        assert!(!models.list().pending);
    }

    #[test]
    fn an_unusable_file_is_told_of_once_in_each_version() {
        let repository = Repository::of(&["good"]);
        let models = repository.models();
        let told = || models.refresh().filter(Result::is_err).count();
        assert_eq!(told(), 0);
        // It is read again by each refresh.
        repository.write("bad", "{", JUST_NOW);
        assert_eq!((told(), told()), (1, 0));
        repository.write("bad", "{", 10);
        assert_eq!((told(), told()), (1, 0));
        repository.write("bad", &interface("bad"), 10);
        assert_eq!(told(), 0);
        repository.write("bad", "{", 10);
        assert_eq!(told(), 1);
        assert_eq!(listed(&models), (names(&["good"]), 1));
    }

    #[test]
    fn during_a_refresh_the_listing_has_what_is_known_so_far() {
        let repository = Repository::of(&["a", "b"]);
        let models = repository.models();
        assert!(models.list().pending);
        let mut refresh = models.refresh();
        refresh.next().unwrap().unwrap();
        assert_eq!(listed(&models), (names(&["a"]), 0));
        assert!(models.list().pending);
        models
            .resolve(&"dtmi:com:example:b;1".parse().unwrap())
            .unwrap();
        drop(refresh);

        assert_eq!(models.refresh().count(), 1);
        assert!(!models.list().pending);
        // What has changed stays until it is read.
        repository.write("a", "{}", 9);
        let mut refresh = models.refresh();
        assert_eq!(listed(&models), (names(&["a", "b"]), 0));
        assert!(models.list().pending);
        refresh.next().unwrap().unwrap_err();
        assert_eq!(listed(&models), (names(&["b"]), 1));
    }

    #[test]
    fn a_file_that_vanishes_before_it_is_read_is_no_error() {
        let repository = Repository::of(&["a"]);
        let models = repository.models();
        let refresh = models.refresh();
        fs::remove_file(repository.path("a")).unwrap();
        assert!(refresh.into_iter().all(|read| read.is_ok()));
        assert_eq!(listed(&models), (vec![], 0));
    }

    #[test]
    fn without_a_directory_nothing_is_pending() {
        assert_eq!(Models::new().refresh().count(), 0);
        assert!(!Models::new().list().pending);
    }
}
