//! TLS for both listeners.

use std::sync::Arc;

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    version::{TLS12, TLS13},
};

use crate::{
    ca::{self, Authority, CaError, ServerIdentity},
    faults::CertificateFlaw,
};

/// The host name in a certificate with a name mismatch.
const MISMATCHED_NAME: &str = "elsewhere.localhost";

/// The accepted versions of TLS. Azure speaks 1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 only.
    Only12,
    /// 1.3 only.
    Only13,
}

impl TlsVersions {
    fn supported(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Both => vec![&TLS12, &TLS13],
            Self::Only12 => vec![&TLS12],
            Self::Only13 => vec![&TLS13],
        }
    }
}

/// TLS configurations of the server: one with the valid certificate, one for each [`CertificateFlaw`].
#[derive(Clone)]
pub struct Certificates {
    valid: Arc<ServerConfig>,
    name_mismatch: Arc<ServerConfig>,
    unknown_ca: Arc<ServerConfig>,
    self_signed: Arc<ServerConfig>,
}

impl Certificates {
    /// Issues the certificates for these names and addresses, at least one.
    ///
    /// # Errors
    /// If the authority may not certify a name.
    pub fn issue(
        authority: &Authority,
        names: &[String],
        versions: TlsVersions,
    ) -> Result<Self, CaError> {
        let names = || names.iter().map(String::as_str);
        let config = |identity: ServerIdentity| server_config(identity, versions);
        Ok(Self {
            valid: config(authority.issue(names())?)?,
            name_mismatch: config(authority.issue([MISMATCHED_NAME])?)?,
            unknown_ca: config(Authority::unknown()?.issue(names())?)?,
            self_signed: config(ca::self_signed([MISMATCHED_NAME])?)?,
        })
    }

    /// Returns the configuration with the valid certificate.
    pub fn valid(&self) -> &Arc<ServerConfig> {
        &self.valid
    }

    /// Returns the configuration whose certificate has this flaw.
    pub fn flawed(&self, flaw: CertificateFlaw) -> &Arc<ServerConfig> {
        match flaw {
            CertificateFlaw::NameMismatch => &self.name_mismatch,
            CertificateFlaw::UnknownCa => &self.unknown_ca,
            CertificateFlaw::SelfSigned => &self.self_signed,
        }
    }
}

/// Builds a configuration without client certificates.
fn server_config(
    identity: ServerIdentity,
    versions: TlsVersions,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions.supported())?
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)?;
    Ok(Arc::new(config))
}
