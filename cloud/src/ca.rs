//! The local certificate authority: one per directory, and limited to this machine by name constraints.

use std::{
    collections::BTreeSet,
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use jiff::{Span, ToSpan, Zoned, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::files;

/// The file with the CA certificate, which clients must trust (`SSL_CERT_FILE`).
pub const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key";

/// The validity of the CA certificate.
const AUTHORITY_YEARS: i16 = 10;
/// The validity of a server certificate. Apple's systems reject more than 825 days.
const SERVER_DAYS: i32 = 397;

/// The error of the authority.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The key file has no key.
    #[error("no private key in {}: delete it; the next start generates a new CA", .0.display())]
    Key(PathBuf),
    /// A name outside of the name constraints.
    #[error(
        "cannot issue a certificate for {0:?}: the local CA is limited to localhost, names below .localhost, and 127.x.y.z"
    )]
    Name(String),
    /// A certificate cannot be generated.
    #[error("cannot generate a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// A certificate cannot be used.
    #[error("cannot use a certificate: {0}")]
    Use(#[from] rustls::Error),
}

/// The authority of one directory.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and key, for rustls.
pub struct ServerIdentity {
    /// The server certificate, without that of the CA: clients have it or do not trust it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Reads the authority in `dir`, or generates one there if there is none.
    ///
    /// # Errors
    /// If a file cannot be used.
    pub fn open(dir: &Path) -> Result<Self, CaError> {
        let (certificate, key) = (dir.join(CERTIFICATE_FILE), dir.join(KEY_FILE));
        let key = if certificate.exists() && key.exists() {
            read_key(&key)?
        } else {
            generate(&certificate, &key)?
        };
        let issuer = Issuer::new(authority_params(), key);
        Ok(Self { issuer })
    }

    /// Makes an authority that no client trusts and that is not stored.
    pub(crate) fn unknown() -> Result<Self, CaError> {
        let mut params = authority_params();
        params.distinguished_name = distinguished_name("Unknown authority");
        let issuer = Issuer::new(params, KeyPair::generate()?);
        Ok(Self { issuer })
    }

    /// Issues a certificate for these names and addresses: `localhost`, names below `.localhost`, `127.x.y.z`.
    ///
    /// # Errors
    /// [`CaError::Name`] for any other name.
    pub fn issue<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<ServerIdentity, CaError> {
        let key = KeyPair::generate()?;
        let certificate = server_params(names)?.signed_by(&key, &self.issuer)?;
        Ok(ServerIdentity::new(certificate, &key))
    }
}

/// Makes a self-signed certificate.
pub(crate) fn self_signed<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<ServerIdentity, CaError> {
    let key = KeyPair::generate()?;
    let certificate = server_params(names)?.self_signed(&key)?;
    Ok(ServerIdentity::new(certificate, &key))
}

impl ServerIdentity {
    fn new(certificate: Certificate, key: &KeyPair) -> Self {
        Self {
            chain: vec![certificate.into()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }
}

fn read_key(path: &Path) -> Result<KeyPair, CaError> {
    let pem = std::fs::read_to_string(path).map_err(|source| CaError::File {
        path: path.into(),
        source,
    })?;
    KeyPair::from_pem(&pem).map_err(|_| CaError::Key(path.into()))
}

/// Generates an authority. Writes the certificate last: if it exists, so does its key.
fn generate(certificate_path: &Path, key_path: &Path) -> Result<KeyPair, CaError> {
    let key = KeyPair::generate()?;
    let certificate = authority_params().self_signed(&key)?;
    for (path, text, mode) in [
        (key_path, key.serialize_pem(), files::PRIVATE),
        (certificate_path, certificate.pem(), files::PUBLIC),
    ] {
        files::write(path, text.as_bytes(), mode).map_err(|source| CaError::File {
            path: path.into(),
            source,
        })?;
    }
    Ok(key)
}

/// Returns the parameters of the authority. They are the same at each start except for the dates, so that the key is enough to
/// issue certificates.
fn authority_params() -> CertificateParams {
    let mut params = valid_for(AUTHORITY_YEARS.years());
    params.distinguished_name = distinguished_name("Local cloud development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

fn server_params<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<CertificateParams, CaError> {
    let mut params = valid_for(SERVER_DAYS.days());
    params.subject_alt_names = subject_names(names)?;
    params.distinguished_name = distinguished_name("Local cloud");
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn subject_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<SanType>, CaError> {
    let names: BTreeSet<_> = names.into_iter().map(str::to_ascii_lowercase).collect();
    names.into_iter().map(subject_name).collect()
}

fn subject_name(name: String) -> Result<SanType, CaError> {
    match name.parse::<Ipv4Addr>() {
        Ok(address) if address.is_loopback() => Ok(SanType::IpAddress(address.into())),
        Err(_) if name == "localhost" || name.ends_with(".localhost") => {
            Ok(SanType::DnsName(name.try_into()?))
        }
        _ => Err(CaError::Name(name)),
    }
}

fn distinguished_name(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

/// Returns parameters with a validity from yesterday, so that clients with a slow clock or another time zone accept it.
fn valid_for(span: Span) -> CertificateParams {
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    let midnight =
        |date: Date| date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8);
    let mut params = CertificateParams::default();
    params.not_before = midnight(today.saturating_sub(1.day()));
    params.not_after = midnight(today.saturating_add(span));
    params
}

#[cfg(test)]
#[path = "ca_tests.rs"]
mod tests;
