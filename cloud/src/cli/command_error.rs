//! The error of a command, with its exit code.

use std::{fmt, io, process::ExitCode};

use cloud::dir::DirError;

/// The error of a command. Each variant has an exit code.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// Exit code 1: the cloud or a device refused the request, or did not answer.
    Request(String),
    /// Exit code 2: invalid settings.
    Settings(String),
    /// This exit code, without a message.
    Exit(u8),
}

impl CommandError {
    pub(crate) fn request(message: impl fmt::Display) -> Self {
        Self::Request(message.to_string())
    }

    pub(crate) fn settings(message: impl fmt::Display) -> Self {
        Self::Settings(message.to_string())
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Request(message) | Self::Settings(message) => Some(message),
            Self::Exit(_) => None,
        }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// Returns the exit code as a number.
    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::Request(_) => 1,
            Self::Settings(_) => 2,
            Self::Exit(code) => *code,
        }
    }
}

impl From<DirError> for CommandError {
    fn from(error: DirError) -> Self {
        match error {
            DirError::NotRunning(_) => Self::request(error),
            _ => Self::settings(error),
        }
    }
}

/// A closed standard output is a success: the reader, such as `head`, has seen enough.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Exit(0),
            _ => Self::request(format!("cannot write the output: {error}")),
        }
    }
}
