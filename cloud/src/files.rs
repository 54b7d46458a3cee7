//! Atomic writes of files, with their permissions from the start.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The mode of files with keys: owner only.
pub(crate) const PRIVATE: u32 = 0o600;
/// The mode of public files.
pub(crate) const PUBLIC: u32 = 0o644;

/// Replaces `path` by a file with these bytes and this mode, and returns it open.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<File> {
    let temporary = path.with_added_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    Ok(file)
}
