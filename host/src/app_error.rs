//! The error with which the program ends, and its exit code.

use std::path::PathBuf;

use crate::{
    contract::behaviour::CallFailure,
    device::IdentityRejected,
    guest::{compile::LoadError, remedy::of_limit},
    mqtt::tls::TlsError,
    setting::SettingError,
    store::OpenError,
};

/// The error with which the program ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Component(#[from] LoadError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    State(#[from] OpenError),
    #[error("cannot start component {}: {}{}", path.display(), failure.reason(), of_limit(failure))]
    Start { path: PathBuf, failure: CallFailure },
    #[error(transparent)]
    Rejected(#[from] IdentityRejected),
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Unreachable(#[from] UnreachableError),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl AppError {
    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(error) if error.may_pass() => 1,
            Self::Tls(error) if error.may_pass() => 1,
            Self::State(error) if error.may_pass() => 1,
            Self::Component(error) if error.may_pass() => 1,
            Self::Setting(_)
            | Self::Component(_)
            | Self::Tls(_)
            | Self::State(_)
            | Self::Start { .. }
            | Self::Rejected(IdentityRejected::Unusable(_))
            | Self::Unreachable(_) => 2,
            Self::Rejected(IdentityRejected::Refused(_)) => 3,
            Self::Failed(_) | Self::Other(_) => 1,
        }
    }
}

/// The error when no host can be reached.
#[derive(Debug, thiserror::Error)]
#[error("{problem} {}: {reason}", dir.display())]
pub(crate) struct UnreachableError {
    pub(crate) problem: &'static str,
    pub(crate) dir: PathBuf,
    pub(crate) reason: String,
}
