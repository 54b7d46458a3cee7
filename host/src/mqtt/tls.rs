//! Which certificates a server may show.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The machine has no trust roots.
    #[error(
        "this machine has no certificate authorities to verify a server with; install the package ca-certificates, or \
         name a PEM file with SSL_CERT_FILE{0}"
    )]
    NoRoots(String),
    /// The file given with `--ca` cannot be used.
    #[error(
        "cannot use the certificate authority in {path}: {reason}; give a PEM file with at least one certificate"
    )]
    Ca {
        /// The file as given.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// TLS 1.2 and 1.3 with the system's trust roots (or those of `SSL_CERT_FILE`) and, if given, the authorities in `ca`.
/// Verification cannot be switched off.
pub fn client_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        let reasons: String = native
            .errors
            .iter()
            .take(1)
            .map(|error| format!(" ({error})"))
            .collect();
        return Err(TlsError::NoRoots(reasons));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::NoRoots(format!(" ({error})")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let unusable = |reason: String| TlsError::Ca {
        path: path.display().to_string(),
        reason,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(error.to_string()))?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(unusable("it holds no certificate".to_owned())),
        _ => Ok(()),
    }
}
