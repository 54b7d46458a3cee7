//! Files of the cloud's directory: written whole or not at all, with the permissions they are to have from the start.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// For keys: the owner alone reads and writes.
pub(crate) const PRIVATE: u32 = 0o600;
/// For what everyone may read.
pub(crate) const PUBLIC: u32 = 0o644;

/// Replaces `path` by a file of these bytes and this mode, and returns it.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<File> {
    let unfinished = path.with_added_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(file)
}
