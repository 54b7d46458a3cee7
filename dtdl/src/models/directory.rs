//! A directory in the layout of models repositories.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{Listing, ModelError};
use crate::{
    dtmi::Dtmi,
    interface::Interface,
    parse::{self, ParseError},
};

/// The largest file, in bytes: DTDL allows an interface 1 MiB, and an expanded file contains several.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// A directory of models.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
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

    /// Lists the interface of each file; of an expanded file only if there is no plain one. Symbolic links are not followed.
    pub(super) fn list(&self) -> Result<Listing, ModelError> {
        let mut listing = Listing::default();
        let mut rest = vec![self.root.join("dtmi")];
        while let Some(directory) = rest.pop() {
            for entry in entries(&directory)? {
                let kind = entry.file_type().map_err(unreadable(&entry.path()))?;
                if kind.is_dir() {
                    rest.push(entry.path());
                } else if kind.is_file() && is_model(&entry.path()) {
                    match self.named_after(&entry.path()) {
                        Ok(id) => listing.ids.push(id),
                        Err(error) => listing.broken.push(error),
                    }
                }
            }
        }
        Ok(listing)
    }

    /// Returns the interface that a file is named after.
    fn named_after(&self, file: &Path) -> Result<Dtmi, ModelError> {
        let text = read(file)?.unwrap_or_default();
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
            Some(index) => Ok(ids.swap_remove(index)),
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

fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>, ModelError> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect);
    entries.map_err(unreadable(directory))
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
