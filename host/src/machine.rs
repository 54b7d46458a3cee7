//! Troubles of the machine that may pass, as opposed to wrong settings.

use std::{fs::File, io};

use rustix::io::Errno;

/// Returns true if the machine was short of something, or a disk failed: the same call may succeed later.
#[must_use]
pub(crate) fn may_pass(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::NOBUFS
                | Errno::AGAIN
                | Errno::NOSPC
                | Errno::DQUOT
                | Errno::IO
                // A file system is remounted so after an error.
                | Errno::ROFS
        )
    )
}

/// Checks that some file descriptors are left, for what cannot cope without: tokio panics if it gets none for signals.
///
/// # Errors
/// There are not enough.
pub(crate) fn check_descriptors() -> io::Result<()> {
    /// What a runtime opens at its start, and as much again.
    const NEEDED: usize = 16;
    let open = |_| File::open("/dev/null");
    (0..NEEDED).map(open).collect::<io::Result<Vec<_>>>()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_passes_and_a_wrong_path_does_not() {
        let of = |errno: Errno| may_pass(&io::Error::from(errno));
        assert!(
            [
                Errno::MFILE,
                Errno::NFILE,
                Errno::NOMEM,
                Errno::NOSPC,
                Errno::IO,
                Errno::ROFS
            ]
            .into_iter()
            .all(of)
        );
        assert!(
            ![Errno::NOENT, Errno::ACCESS, Errno::NOTDIR]
                .into_iter()
                .any(of)
        );
        assert!(!may_pass(&io::Error::other("something else")));
    }
}
