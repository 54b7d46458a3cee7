//! TLS configuration: trust roots and certificate verification.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use rustls::{CertificateError, ClientConfig, RootCertStore, pki_types::UnixTime};

use super::pem::{PemError, read_certificates};
use crate::machine;

/// The error of a TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The machine has no trust roots.
    #[error(
        "no trusted certificate authorities on this machine; install the package ca-certificates, or set SSL_CERT_FILE \
         to a PEM file"
    )]
    NoRoots,
    /// The trust roots of the machine cannot be read.
    #[error("cannot read the trusted certificate authorities of this machine: {reason}")]
    Unreadable {
        /// The reason.
        reason: String,
        /// True if another try may succeed.
        may_pass: bool,
    },
    /// The directory of `SSL_CERT_DIR` holds no trust roots.
    #[error(
        "no certificate authority in {0:?} (SSL_CERT_DIR); fill it with PEM files, or unset it to trust the authorities \
         of the system"
    )]
    NoRootsInDir(OsString),
    /// The protocol cannot be set up as this program needs it.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
    /// The file of `SSL_CERT_FILE` cannot be used.
    #[error(
        "cannot read certificate authority {path:?} (SSL_CERT_FILE): {reason}; set it to PEM with at least one \
         certificate, or unset it to trust the authorities of the system"
    )]
    Roots {
        /// The file as given.
        path: PathBuf,
        /// The reason.
        reason: PemError,
    },
    /// The file given with `--ca` cannot be used.
    #[error(
        "cannot read certificate authority {path:?}: {reason}; --ca needs a PEM file with at least one certificate"
    )]
    Ca {
        /// The file as given.
        path: PathBuf,
        /// The reason.
        reason: PemError,
    },
}

impl TlsError {
    /// Returns true if the machine is to blame, and another try may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreadable { may_pass, .. } => *may_pass,
            Self::Roots { reason, .. } | Self::Ca { reason, .. } => reason.may_pass,
            Self::NoRoots | Self::NoRootsInDir(_) | Self::Setup(_) => false,
        }
    }
}

/// Reads the system's trust roots (or those of `SSL_CERT_FILE`) and, if given, the authorities in `ca`.
///
/// # Errors
/// A file cannot be used, or there are no trust roots.
pub(super) fn read_roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let unusable = add_native(&mut roots);
    if let Some(path) = ca {
        let added = add_file(&mut roots, path);
        added.map_err(|reason| TlsError::Ca {
            path: path.to_owned(),
            reason,
        })?;
    }
    match unusable {
        // The authorities of the system are missing for the moment only.
        Some(error) if error.may_pass() || roots.is_empty() => Err(error),
        None if roots.is_empty() => Err(TlsError::NoRoots),
        _ => Ok(roots),
    }
}

/// Returns TLS 1.2 and 1.3 with these trust roots. Verification cannot be switched off.
///
/// # Errors
/// The protocol cannot be set up.
pub(super) fn config_with(roots: RootCertStore) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Adds the trust roots of the system, or those of `SSL_CERT_FILE` instead, also where `SSL_CERT_DIR` names others. Returns
/// what is wrong with them.
fn add_native(roots: &mut RootCertStore) -> Option<TlsError> {
    if let Some(file) = variable("SSL_CERT_FILE") {
        let path = PathBuf::from(file);
        let added = add_file(roots, &path);
        return added.err().map(|reason| TlsError::Roots { path, reason });
    }
    let native = match variable("SSL_CERT_DIR") {
        Some(_) => rustls_native_certs::load_native_certs(),
        None => {
            // An empty variable counts as unset, which the library does not know.
            let system = openssl_probe::probe();
            let dir = system.cert_dir.first().map(PathBuf::as_path);
            rustls_native_certs::load_certs_from_paths(system.cert_file.as_deref(), dir)
        }
    };
    roots.add_parsable_certificates(native.certs);
    let unread = native.errors.iter().find_map(|error| match &error.kind {
        rustls_native_certs::ErrorKind::Io { inner, path } if machine::may_pass(inner) => {
            Some(TlsError::Unreadable {
                reason: format!("{}: {inner}", path.display()),
                may_pass: true,
            })
        }
        _ => None,
    });
    unread.or_else(|| variable("SSL_CERT_DIR").map(TlsError::NoRootsInDir))
}

/// Returns the value of a variable that is not empty.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), PemError> {
    match roots.add_parsable_certificates(read_certificates(path)?) {
        (0, _) => Err(PemError::none()),
        _ => Ok(()),
    }
}

/// Describes a certificate that is not valid now, by its dates and the clock that they were compared with.
pub(super) fn describe_validity(error: &CertificateError, host: &str) -> Option<String> {
    let (state, now) = match error {
        CertificateError::Expired => ("has expired".to_owned(), None),
        CertificateError::ExpiredContext { time, not_after } => {
            (format!("has expired on {}", date(*not_after)), Some(*time))
        }
        CertificateError::NotValidYet => ("is not valid yet".to_owned(), None),
        CertificateError::NotValidYetContext { time, not_before } => {
            let from = date(*not_before);
            (format!("is not valid yet, but from {from}"), Some(*time))
        }
        _ => return None,
    };
    let clock = now.map_or("the clock of this machine".to_owned(), |now| {
        format!("the clock of this machine, which shows {}", date(now))
    });
    Some(format!(
        "the certificate of {host} {state}; check it and {clock}"
    ))
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(Timestamp::MAX).to_string()
}
