//! The bytes of the versions a device may still need, on disk beside its state.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{
    guest::{
        Limits,
        compile::{ComponentSource, LoadError},
    },
    program,
};

/// Name of the folder in a state directory.
const FOLDER: &str = "components";

/// A folder of one device's components, each named after its hash.
#[derive(Clone, Debug)]
pub struct ComponentStore {
    folder: PathBuf,
}

impl ComponentStore {
    /// Returns the component store of this state directory.
    #[must_use]
    pub fn in_state_dir(state_dir: &Path) -> Self {
        Self {
            folder: state_dir.join(FOLDER),
        }
    }

    /// Saves a component atomically and synced to disk. An existing one stays as it is.
    ///
    /// # Errors
    /// The component cannot be written.
    pub fn save(&self, source: &ComponentSource) -> io::Result<()> {
        let path = self.path(source.sha256());
        if fs::metadata(&path).is_ok_and(|found| found.len() == source.bytes().len() as u64) {
            return Ok(());
        }
        self.create_folder()?;
        let part = path.with_extension("part");
        write_synced(&part, source.bytes())
            .and_then(|()| fs::rename(&part, &path))
            .inspect_err(|_| {
                // It may have taken the last space of the disk. Another save overwrites what stays.
                let _ = fs::remove_file(&part);
            })?;
        // The directory entry too must survive a power cut.
        File::open(&self.folder)?.sync_all()
    }

    /// Creates the folder, but no state directory: one without the rest would not be taken for one.
    fn create_folder(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let reason = "the directory was deleted; restart the host to begin anew in it";
                Err(io::Error::new(io::ErrorKind::NotFound, reason))
            }
            created => created,
        }
    }

    /// Reads the component with this hash.
    ///
    /// # Errors
    /// The component is missing, unreadable or damaged.
    pub fn read(&self, sha256: &str, limits: &Limits) -> Result<ComponentSource, LoadError> {
        let path = self.path(sha256);
        if let Err(error) = fs::metadata(&path)
            && error.kind() == io::ErrorKind::NotFound
        {
            let reason = lost("missing");
            return Err(LoadError::Lost { path, reason });
        }
        let source = ComponentSource::read_unchecked(&path, limits)?;
        if **source.sha256() == *sha256 {
            Ok(source)
        } else {
            let reason = lost("damaged");
            Err(LoadError::Lost { path, reason })
        }
    }

    /// Removes all components but these. Foreign files stay.
    ///
    /// # Errors
    /// The folder cannot be read, or a component cannot be removed.
    pub fn retain(&self, needed: &[String]) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name();
            let sha256 = name.to_str().and_then(sha256_in);
            if sha256.is_some_and(|sha256| !needed.iter().any(|it| it == sha256)) {
                fs::remove_file(self.folder.join(name))?;
            }
        }
        Ok(())
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}.wasm"))
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Returns the hash in the name of a component's file, whole or in part.
fn sha256_in(name: &str) -> Option<&str> {
    let (sha256, ending) = name.split_once('.')?;
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && matches!(ending, "wasm" | "part")).then_some(sha256)
}

/// Describes why a copy is lost, with the remedy.
fn lost(how: &str) -> String {
    let swap = program::command("swap FILE");
    format!(
        "file is {how}; swap the version in again with `{swap}`, or start the host with its file"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::compile::Blame;

    fn component(dir: &Path, name: &str) -> ComponentSource {
        let path = dir.join(name);
        fs::write(&path, [b"\0asm\x0d\0\x01\0", name.as_bytes()].concat()).unwrap();
        ComponentSource::read(&path, &Limits::default()).unwrap()
    }

    #[test]
    fn what_was_kept_is_there_until_it_is_not_needed_and_damage_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (component(dir.path(), "a"), component(dir.path(), "b"));
        let store = ComponentStore::in_state_dir(dir.path());
        let limits = Limits::default();
        store.retain(&[]).unwrap();
        store.save(&a).unwrap();
        store.save(&b).unwrap();
        store.save(&a).unwrap();
        assert_eq!(store.read(a.sha256(), &limits).unwrap().bytes(), a.bytes());

        store.retain(&[b.sha256().to_string()]).unwrap();
        let error = store.read(a.sha256(), &limits).unwrap_err();
        assert_eq!(
            (error.blame(), error.reason()),
            (Blame::Copy, lost("missing"))
        );
        for damage in [&a.bytes()[..], b"no component"] {
            fs::write(store.path(b.sha256()), damage).unwrap();
            let error = store.read(b.sha256(), &limits).unwrap_err();
            assert_eq!(
                (error.blame(), error.reason()),
                (Blame::Copy, lost("damaged"))
            );
        }
        // A damaged one of the right length is only found when it is read.
        fs::write(store.path(b.sha256()), b"short").unwrap();
        store.save(&b).unwrap();
        assert!(store.read(b.sha256(), &limits).is_ok());
    }

    #[test]
    fn a_state_directory_that_was_deleted_is_not_created_for_a_component() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let store = ComponentStore::in_state_dir(&state);
        let error = store.save(&component(dir.path(), "a")).unwrap_err();
        assert!(error.to_string().contains("was deleted"), "{error}");
        assert!(!state.exists());
    }

    #[test]
    fn only_components_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (store, a) = (
            ComponentStore::in_state_dir(dir.path()),
            component(dir.path(), "a"),
        );
        store.save(&a).unwrap();
        let part = store.path(a.sha256()).with_extension("part");
        fs::write(&part, "half").unwrap();
        fs::create_dir(store.folder.join("mine")).unwrap();
        fs::write(store.folder.join("mine.wasm"), "mine").unwrap();
        store.retain(&[]).unwrap();
        assert!(!store.path(a.sha256()).exists() && !part.exists());
        assert!(store.folder.join("mine").exists());
        assert!(store.folder.join("mine.wasm").exists());
    }
}
