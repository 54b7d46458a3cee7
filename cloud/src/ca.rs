//! The local certificate authority: made once per directory, trusted by whoever is told to, and unable to vouch for
//! anything but this machine.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use jiff::{Span, ToSpan, Zoned, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::files;

/// File name of the authority's certificate: what clients are to trust (`SSL_CERT_FILE`).
pub const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key";

/// Long enough for a development machine.
const AUTHORITY_YEARS: i16 = 10;
/// Apple's systems refuse server certificates that count for more than 825 days.
const SERVER_DAYS: i32 = 397;

/// Why there is no authority, or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file could not be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key file holds no key.
    #[error("{} holds no private key: delete it, and a new authority is made at the next start", .0.display())]
    Key(PathBuf),
    /// A name the authority may not vouch for.
    #[error(
        "no certificate for {0:?}: the local authority vouches for localhost, names below .localhost and 127.x.y.z only"
    )]
    Name(String),
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// A certificate could not be used.
    #[error("cannot use a certificate: {0}")]
    Use(#[from] rustls::Error),
}

/// The authority of one directory.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and key, for rustls.
pub struct ServerIdentity {
    /// The server's certificate. The authority's own is not sent: clients have it or do not trust it.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Reads the authority kept in `dir`, or makes one there if there is none.
    pub fn open(dir: &Path) -> Result<Self, CaError> {
        let (certificate, key) = (dir.join(CERTIFICATE_FILE), dir.join(KEY_FILE));
        let key = if certificate.exists() && key.exists() {
            read_key(&key)?
        } else {
            make(&certificate, &key)?
        };
        let issuer = Issuer::new(authority(), key);
        Ok(Self { issuer })
    }

    /// Makes an authority that no client trusts and that is not stored.
    pub(crate) fn unknown() -> Result<Self, CaError> {
        let mut params = authority();
        params.distinguished_name = named("Unknown authority");
        let issuer = Issuer::new(params, KeyPair::generate()?);
        Ok(Self { issuer })
    }

    /// Issues a certificate for these names and addresses: `localhost`, names below `.localhost`, `127.x.y.z`.
    pub fn issue<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<ServerIdentity, CaError> {
        let key = KeyPair::generate()?;
        let certificate = server(names)?.signed_by(&key, &self.issuer)?;
        Ok(ServerIdentity::new(certificate, &key))
    }
}

/// A certificate no authority vouches for.
pub(crate) fn self_signed<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<ServerIdentity, CaError> {
    let key = KeyPair::generate()?;
    let certificate = server(names)?.self_signed(&key)?;
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

/// The certificate is written last: where it exists, its key does.
fn make(certificate_path: &Path, key_path: &Path) -> Result<KeyPair, CaError> {
    let key = KeyPair::generate()?;
    let certificate = authority().self_signed(&key)?;
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

/// The same at each start but for the dates, so that the issuer of a server's certificate follows from the key alone.
fn authority() -> CertificateParams {
    let mut params = valid_for(AUTHORITY_YEARS.years());
    params.distinguished_name = named("Local cloud development authority");
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

fn server<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<CertificateParams, CaError> {
    let mut params = valid_for(SERVER_DAYS.days());
    params.subject_alt_names = subject_names(names)?;
    params.distinguished_name = named("Local cloud");
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

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// From yesterday, so that a client whose clock or time zone is behind accepts it too.
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
