//! The limit of file descriptors of this process.

use rustix::process::{Resource, getrlimit, setrlimit};

use super::command_error::CommandError;

/// Raises the soft limit to the hard limit, and returns it; `None` is unlimited. The usual soft limit of 1024 is too low for a
/// server.
pub(crate) fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If this fails, the limit stays as it was.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Raises the limit, and checks that it allows `count` descriptors.
///
/// # Errors
/// If it does not.
pub(crate) fn require(count: u64) -> Result<(), CommandError> {
    match raise() {
        Some(limit) if limit < count => Err(CommandError::settings(format!(
            "not enough file descriptors: {count} needed, {limit} allowed; raise the limit (ulimit -Hn, as root) or use fewer \
             devices"
        ))),
        _ => Ok(()),
    }
}
