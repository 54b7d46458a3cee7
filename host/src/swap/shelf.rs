//! The bytes of the versions a device may yet need, on disk beside its state.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::guest::{
    Limits,
    compile::{LoadError, Source},
};

/// The folder of a state directory.
const FOLDER: &str = "components";

/// A folder of components, each under its hash. One device's.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The shelf of this state directory.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self {
            folder: state_dir.join(FOLDER),
        }
    }

    /// Puts a component there, whole and synced. One that is there stays as it is.
    pub fn keep(&self, source: &Source) -> io::Result<()> {
        let path = self.path(source.sha256());
        if fs::metadata(&path).is_ok_and(|found| found.len() == source.bytes().len() as u64) {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let part = path.with_extension("part");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(source.bytes())?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        // The name too must outlive a power cut.
        File::open(&self.folder)?.sync_all()
    }

    /// Reads the component with this hash.
    pub fn take(&self, sha256: &str, limits: &Limits) -> Result<Source, LoadError> {
        let path = self.path(sha256);
        if let Err(error) = fs::metadata(&path)
            && error.kind() == io::ErrorKind::NotFound
        {
            let reason = "it is gone";
            return Err(LoadError::Lost { path, reason });
        }
        let source = Source::read_any(&path, limits)?;
        if **source.sha256() == *sha256 {
            Ok(source)
        } else {
            let reason = "it is damaged";
            Err(LoadError::Lost { path, reason })
        }
    }

    /// Removes all components but these. What else is there is not of this shelf.
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

/// The hash of the component whose file, whole or in part, has this name.
fn sha256_in(name: &str) -> Option<&str> {
    let (sha256, ending) = name.split_once('.')?;
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && matches!(ending, "wasm" | "part")).then_some(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::compile::Blame;

    fn component(dir: &Path, name: &str) -> Source {
        let path = dir.join(name);
        fs::write(&path, [b"\0asm\x0d\0\x01\0", name.as_bytes()].concat()).unwrap();
        Source::read(&path, &Limits::default()).unwrap()
    }

    #[test]
    fn what_was_kept_is_there_until_it_is_not_needed_and_damage_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (component(dir.path(), "a"), component(dir.path(), "b"));
        let shelf = Shelf::of(dir.path());
        let limits = Limits::default();
        shelf.retain(&[]).unwrap();
        shelf.keep(&a).unwrap();
        shelf.keep(&b).unwrap();
        shelf.keep(&a).unwrap();
        assert_eq!(shelf.take(a.sha256(), &limits).unwrap().bytes(), a.bytes());

        shelf.retain(&[b.sha256().to_string()]).unwrap();
        let error = shelf.take(a.sha256(), &limits).unwrap_err();
        assert_eq!(
            (error.blame(), error.reason()),
            (Blame::Copy, "it is gone".into())
        );
        for damage in [&a.bytes()[..], b"no component"] {
            fs::write(shelf.path(b.sha256()), damage).unwrap();
            let error = shelf.take(b.sha256(), &limits).unwrap_err();
            assert_eq!(
                (error.blame(), error.reason()),
                (Blame::Copy, "it is damaged".into())
            );
        }
        // A damaged one of the right length is only found when it is read.
        fs::write(shelf.path(b.sha256()), b"short").unwrap();
        shelf.keep(&b).unwrap();
        assert!(shelf.take(b.sha256(), &limits).is_ok());
    }

    #[test]
    fn only_components_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, a) = (Shelf::of(dir.path()), component(dir.path(), "a"));
        shelf.keep(&a).unwrap();
        let part = shelf.path(a.sha256()).with_extension("part");
        fs::write(&part, "half").unwrap();
        fs::create_dir(shelf.folder.join("mine")).unwrap();
        fs::write(shelf.folder.join("mine.wasm"), "mine").unwrap();
        shelf.retain(&[]).unwrap();
        assert!(!shelf.path(a.sha256()).exists() && !part.exists());
        assert!(shelf.folder.join("mine").exists());
        assert!(shelf.folder.join("mine.wasm").exists());
    }
}
