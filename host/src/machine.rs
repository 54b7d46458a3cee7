//! Troubles of the machine that may pass, as opposed to wrong settings.

use std::io;

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
        )
    )
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
                Errno::IO
            ]
            .into_iter()
            .all(of)
        );
        assert!(
            ![Errno::NOENT, Errno::ACCESS, Errno::NOTDIR, Errno::ROFS]
                .into_iter()
                .any(of)
        );
        assert!(!may_pass(&io::Error::other("something else")));
    }
}
