//! The running cloud of a directory, or the reason why this user finds none.

use std::{fs::File, io::ErrorKind};

use cloud::dir::{CloudDir, DirError, Running};

use super::{command_error::CommandError, program};

/// Returns the addresses of the cloud that runs in `dir`.
///
/// # Errors
/// None runs there (exit code 1), or the directory is not this user's to read (exit code 2).
pub(crate) fn running(dir: &CloudDir) -> Result<Running, CommandError> {
    let path = dir.path();
    // Opened, not asked for: only this tells what the user may do.
    let opened = File::open(path.join("running.json"));
    if opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        return Err(CommandError::settings(format!(
            "cannot read {}: permission denied; a cloud is for the user who started it: run the command as this user, or \
             select another cloud with --dir",
            path.display()
        )));
    }
    dir.running().map_err(|error| match error {
        DirError::NotRunning(_) => CommandError::request(format!(
            "no cloud is running in {}: start one with `{}`, or select the directory of a running one with --dir",
            path.display(),
            program::command("run")
        )),
        other => other.into(),
    })
}
