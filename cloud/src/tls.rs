//! TLS for both listeners.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use crate::ca::{self, Authority, CaError, ServerIdentity};
use crate::faults::Flaw;

/// The name in a certificate that is for another name.
const OTHER_NAME: &str = "elsewhere.localhost";

/// Which versions of TLS are spoken. Azure speaks 1.2.
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

/// The server's side of TLS with the cloud's certificate, and with those that must not be accepted.
#[derive(Clone)]
pub struct Certificates {
    right: Arc<ServerConfig>,
    other_name: Arc<ServerConfig>,
    foreign_authority: Arc<ServerConfig>,
    self_signed: Arc<ServerConfig>,
}

impl Certificates {
    /// Lets the authority issue them for these names and addresses, of which there is at least one.
    ///
    /// # Errors
    /// If the authority may not vouch for a name.
    pub fn issue(
        authority: &Authority,
        names: &[String],
        versions: TlsVersions,
    ) -> Result<Self, CaError> {
        let names = || names.iter().map(String::as_str);
        let config = |identity: ServerIdentity| server_config(identity, versions);
        Ok(Self {
            right: config(authority.issue(names())?)?,
            other_name: config(authority.issue([OTHER_NAME])?)?,
            foreign_authority: config(Authority::foreign()?.issue(names())?)?,
            self_signed: config(ca::self_signed([OTHER_NAME])?)?,
        })
    }

    /// The one clients are to accept.
    pub fn right(&self) -> &Arc<ServerConfig> {
        &self.right
    }

    /// One that has this flaw.
    pub fn wrong(&self, flaw: Flaw) -> &Arc<ServerConfig> {
        match flaw {
            Flaw::OtherName => &self.other_name,
            Flaw::ForeignAuthority => &self.foreign_authority,
            Flaw::SelfSigned => &self.self_signed,
        }
    }
}

/// It asks clients for no certificate.
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
