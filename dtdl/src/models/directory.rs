//! A directory in the layout of models repositories.

use std::{
    fs::{self, File, FileType},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    ModelError,
    index::{FileVersion, FoundFiles, Index},
};
use crate::{
    dtmi::Dtmi,
    interface::Interface,
    parse::{self, ParseError},
};

/// The largest file, in bytes: DTDL allows an interface 1 MiB, and an expanded file contains several.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// A directory of models. Clones share the index.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    root: PathBuf,
    index: Arc<Mutex<Index>>,
}

impl Directory {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            index: Arc::default(),
        }
    }

    /// Returns the index, locked.
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that there is a directory `dtmi` and that it can be read.
    pub(super) fn check(&self) -> Result<(), ModelError> {
        let top = self.top();
        fs::read_dir(&top).map(drop).map_err(unreadable(&top))
    }

    /// Reads the interfaces of the file of this identifier, which must contain it; `None` if there is no such file.
    pub(super) fn read(&self, id: &Dtmi) -> Result<Option<Vec<Interface>>, ModelError> {
        for file in candidates(self.file(id)) {
            let Some(text) = read(&file)? else { continue };
            let interfaces = parse::parse(&text);
            let interfaces = interfaces.map_err(|source| broken(&file, source))?;
            return check_holds(interfaces, id, file).map(Some);
        }
        Ok(None)
    }

    /// Returns the path of the file of an interface.
    pub(super) fn file(&self, id: &Dtmi) -> PathBuf {
        self.root.join(id.file())
    }

    /// Returns the files that contain models, of an interface with an expanded file only the plain one if there is one, and the
    /// directories that cannot be read. Symbolic links are not followed.
    pub(super) fn walk(&self) -> FoundFiles {
        let mut found = FoundFiles::new();
        let top = self.top();
        let mut rest = vec![top.clone()];
        while let Some(directory) = rest.pop() {
            let entries = match entries(&directory) {
                Ok(entries) => entries,
                // Removed since its parent was read.
                Err(error) if error.kind() == ErrorKind::NotFound && directory != top => continue,
                Err(error) => {
                    let error = unreadable(&directory)(error);
                    found.insert(directory.into(), Err(error));
                    continue;
                }
            };
            for entry in entries {
                let path = entry.path();
                let kind = entry.file_type();
                if kind.as_ref().is_ok_and(FileType::is_dir) {
                    rest.push(path);
                } else if kind.is_ok_and(|kind| kind.is_file()) && is_model(&path) {
                    match entry.metadata().and_then(|data| FileVersion::of(&data)) {
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        version => {
                            let version = version.map_err(unreadable(&path));
                            found.insert(path.into(), version);
                        }
                    }
                }
            }
        }
        found
    }

    fn top(&self) -> PathBuf {
        self.root.join("dtmi")
    }

    /// Returns the interface that a file is named after; `None` if there is no such file.
    pub(super) fn named_after(&self, file: &Path) -> Result<Option<Dtmi>, ModelError> {
        let Some(text) = read(file)? else {
            return Ok(None);
        };
        let interfaces = parse::parse(&text).map_err(|source| broken(file, source))?;
        let mut ids: Vec<_> = interfaces
            .into_iter()
            .map(|interface| interface.id)
            .collect();
        let own = |id: &Dtmi| {
            candidates(self.file(id))
                .iter()
                .any(|candidate| candidate == file)
        };
        match ids.iter().position(own) {
            Some(index) => Ok(Some(ids.swap_remove(index))),
            None => Err(ModelError::Misnamed {
                file: file.to_owned(),
                found: ids,
            }),
        }
    }
}

/// Returns the files that may contain an interface, the likelier first.
fn candidates(plain: PathBuf) -> [PathBuf; 2] {
    let expanded = plain.with_extension("expanded.json");
    [plain, expanded]
}

/// Reads a file; `None` if it does not exist.
fn read(file: &Path) -> Result<Option<String>, ModelError> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unreadable(file))?,
    };
    let mut bytes = Vec::new();
    let size = opened.take(MAX_FILE + 1).read_to_end(&mut bytes);
    if size.map_err(unreadable(file))? as u64 > MAX_FILE {
        let large = io::Error::new(
            ErrorKind::FileTooLarge,
            format!("more than {MAX_FILE} bytes"),
        );
        return Err(unreadable(file)(large));
    }
    let text = String::from_utf8(bytes);
    text.map(Some).map_err(|error| {
        let source = serde_json::Error::io(io::Error::new(ErrorKind::InvalidData, error));
        broken(file, source.into())
    })
}

fn check_holds(
    interfaces: Vec<Interface>,
    id: &Dtmi,
    file: PathBuf,
) -> Result<Vec<Interface>, ModelError> {
    if interfaces.iter().any(|interface| interface.id == *id) {
        return Ok(interfaces);
    }
    let found = interfaces.into_iter().map(|interface| interface.id);
    Err(ModelError::Misplaced {
        file,
        id: id.clone(),
        found: found.collect(),
    })
}

fn entries(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    fs::read_dir(directory).and_then(Iterator::collect)
}

/// Returns true if a file is to be listed.
fn is_model(file: &Path) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    match name.strip_suffix(".expanded.json") {
        Some(plain) => !file.with_file_name(format!("{plain}.json")).exists(),
        None => name.ends_with(".json"),
    }
}

fn unreadable(file: &Path) -> impl FnOnce(io::Error) -> ModelError {
    let file = file.to_owned();
    move |source| ModelError::Read { file, source }
}

fn broken(file: &Path, source: ParseError) -> ModelError {
    ModelError::Broken {
        file: file.to_owned(),
        source,
    }
}
