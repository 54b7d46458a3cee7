//! How many files and sockets this process may have.

use rustix::process::{Resource, getrlimit, setrlimit};

use super::failure::Failure;

/// Raises the limit as far as the system lets everyone raise it: what shells begin with is for programs of another kind.
/// Returns what it is then; none is no limit.
pub(crate) fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Should it be refused, the limit is what it was.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Makes sure that there may be so many.
///
/// # Errors
/// There may not: what is to be done about it.
pub(crate) fn need(count: u64) -> Result<(), Failure> {
    match raise() {
        Some(limit) if limit < count => Err(Failure::settings(format!(
            "this takes {count} file descriptors, and a process may have {limit}: raise the limit (ulimit -Hn, as root) or ask \
             for fewer devices"
        ))),
        _ => Ok(()),
    }
}
