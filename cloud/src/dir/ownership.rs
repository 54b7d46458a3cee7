//! Ownership of a cloud's directory. Whoever can write to it chooses the keys of the cloud and the authority its clients trust.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use rustix::process::geteuid;

/// Users of a directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DirUser {
    /// A cloud, which runs in it.
    Cloud,
    /// A client of a cloud. Root may be a client of anybody's.
    Client,
}

/// Checks that no other user than root can write to the directory, or has made it. Passes if there is none.
///
/// # Errors
/// The reason, with a remedy.
pub(super) fn check(path: &Path, user: DirUser) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(metadata) => check_metadata(&metadata, user),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn check_metadata(metadata: &Metadata, user: DirUser) -> Result<(), String> {
    if !metadata.is_dir() {
        return Err("not a directory; choose one with --dir".into());
    }
    let owner = metadata.uid();
    let is_root_client = user == DirUser::Client && geteuid().is_root();
    if owner != 0 && owner != geteuid().as_raw() && !is_root_client {
        return Err(format!(
            "owned by another user (uid {owner}); choose another directory with --dir"
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(
            "writable by other users; if nobody else has written to it, run chmod go-w DIR".into(),
        );
    }
    Ok(())
}
