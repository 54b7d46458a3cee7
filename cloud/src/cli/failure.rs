//! How a command ends that does not end well.

use std::fmt;
use std::io;
use std::process::ExitCode;

use cloud::dir::DirError;

/// What is said, and the exit code that says it to scripts.
#[derive(Debug)]
pub(crate) enum Failure {
    /// 1: the cloud or a device refused, or did not answer.
    Request(String),
    /// 2: it cannot be done with these settings.
    Settings(String),
    /// This code, and everything has been said.
    Exit(u8),
}

impl Failure {
    pub(crate) fn request(what: impl fmt::Display) -> Self {
        Self::Request(what.to_string())
    }

    pub(crate) fn settings(what: impl fmt::Display) -> Self {
        Self::Settings(what.to_string())
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Request(message) | Self::Settings(message) => Some(message),
            Self::Exit(_) => None,
        }
    }

    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Request(_) => ExitCode::from(1),
            Self::Settings(_) => ExitCode::from(2),
            Self::Exit(code) => ExitCode::from(*code),
        }
    }
}

impl From<DirError> for Failure {
    fn from(error: DirError) -> Self {
        match error {
            DirError::NotRunning(_) => Self::request(error),
            _ => Self::settings(error),
        }
    }
}

/// Standard output is closed: whoever read it has seen enough.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Exit(0),
            _ => Self::request(format!("cannot write the output: {error}")),
        }
    }
}
