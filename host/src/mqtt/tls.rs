//! TLS configuration: trust roots and certificate verification.

use std::{env, ffi::OsString, io::ErrorKind, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject},
    },
};

/// The error of a TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The machine has no trust roots.
    #[error(
        "no trusted certificate authorities on this machine; install the package ca-certificates, or set SSL_CERT_FILE \
         to a PEM file"
    )]
    NoRoots,
    /// The file or directory of a variable holds no trust roots.
    #[error(
        "no certificate authority in {path:?}; set {variable} to PEM with at least one certificate, or unset it to trust \
         the authorities of the system"
    )]
    NoRootsThere {
        /// `SSL_CERT_FILE` or `SSL_CERT_DIR`.
        variable: &'static str,
        /// Its value.
        path: OsString,
    },
    /// The protocol cannot be set up as this program needs it.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
    /// The file given with `--ca` cannot be used.
    #[error(
        "cannot read certificate authority {path}: {reason}; --ca needs a PEM file with at least one certificate"
    )]
    Ca {
        /// The file as given.
        path: String,
        /// The reason.
        reason: String,
    },
}

/// Reads the system's trust roots (or those of `SSL_CERT_FILE`) and, if given, the authorities in `ca`.
///
/// # Errors
/// `ca` cannot be used, or there is no trust root.
pub(super) fn read_roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let native = match env::var_os("SSL_CERT_FILE") {
        // Instead of the system's, also where SSL_CERT_DIR names those.
        Some(file) => rustls_native_certs::load_certs_from_paths(Some(Path::new(&file)), None),
        None => rustls_native_certs::load_native_certs(),
    };
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        return Err(no_roots());
    }
    Ok(roots)
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

fn no_roots() -> TlsError {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .find_map(|variable| Some((variable, env::var_os(variable)?)));
    match named {
        Some((variable, path)) => TlsError::NoRootsThere { variable, path },
        None => TlsError::NoRoots,
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let unusable = |reason: String| TlsError::Ca {
        path: path.display().to_string(),
        reason,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(reason(&error)))?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(unusable("no certificate in it".to_owned())),
        _ => Ok(()),
    }
}

fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => match error.kind() {
            ErrorKind::NotFound => "no such file".to_owned(),
            ErrorKind::IsADirectory => "it is a directory".to_owned(),
            ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    }
}
