//! Directories of this program beneath those that it cannot have for itself.
//!
//! Container platforms mount volumes that belong to root, and are writable by everyone or by a group. A process without
//! privileges can change neither, but make a directory in them that only it can write to.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The name of the directory beneath a shared one.
const NAME: &str = "pnp-host";

/// Returns the path of this program's directory beneath another one.
pub(crate) fn beneath(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Returns true for a directory that is owned by a user who is not `trusted`, or writable by others.
pub(crate) fn is_shared(dir: &Path, trusted: impl Fn(u32) -> bool) -> bool {
    fs::metadata(dir)
        .is_ok_and(|dir| dir.is_dir() && (!trusted(dir.uid()) || dir.mode() & 0o022 != 0))
}
