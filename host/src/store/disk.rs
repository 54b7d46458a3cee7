//! The disk that groups of rows are written to, and its errors.

use std::io;

use super::{Contents, pending::Rows};

/// The disk that groups are written to.
pub trait Disk: Send + 'static {
    /// Writes a group, whole and synced, or not at all.
    ///
    /// # Errors
    /// The disk does not take it; [`reopen`](Self::reopen) comes before the next write.
    fn write(&mut self, rows: &Rows) -> Result<(), DiskError>;

    /// Makes the disk usable again after a failure.
    ///
    /// # Errors
    /// The disk fails still.
    fn reopen(&mut self) -> Result<Reopened, DiskError>;

    /// Checks that what was written is still where the next start looks for it.
    ///
    /// # Errors
    /// It was deleted, replaced or truncated.
    fn check(&mut self) -> Result<(), DiskError>;

    /// Compacts the database if much of it is unused. Returns whether it did.
    ///
    /// # Errors
    /// The disk fails. What was written stays.
    fn compact(&mut self) -> Result<bool, DiskError>;
}

/// The content of a disk that was reopened.
#[derive(Debug)]
pub enum Reopened {
    /// All rows are as they were written.
    Intact(Contents),
    /// The database was damaged or deleted, and is now empty.
    Recreated,
}

/// The error of a disk that failed, with its remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DiskError(pub String);

impl From<io::Error> for DiskError {
    fn from(error: io::Error) -> Self {
        Self(with_remedy(&error))
    }
}

/// Describes an error of a file system for a person, with its remedy if there is one.
pub(crate) fn with_remedy(error: &io::Error) -> String {
    use io::ErrorKind;
    let remedy = match error.kind() {
        ErrorKind::StorageFull => "free space on its disk",
        ErrorKind::QuotaExceeded => "free space within the quota of this user",
        ErrorKind::FileTooLarge => "raise the file size limit (ulimit -f)",
        ErrorKind::ReadOnlyFilesystem => "check the file system and remount it for writing",
        // The standard library has no name for it.
        _ if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
            "check the disk and its cable or card"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_disk_name_their_remedy() {
        use rustix::io::Errno;
        for (errno, remedy) in [
            (Errno::NOSPC, "free space"),
            (Errno::DQUOT, "quota"),
            (Errno::FBIG, "ulimit -f"),
            (Errno::ROFS, "remount"),
            (Errno::IO, "check the disk"),
        ] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            let text = with_remedy(&error);
            let (reason, found) = text.split_once("; ").unwrap();
            assert!(found.contains(remedy), "{text}");
            assert_eq!(reason, error.to_string());
        }
    }
}
