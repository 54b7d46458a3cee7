//! Shared access signatures: the SAS tokens of devices and back ends.
//!
//! A token is `SharedAccessSignature sr=…&sig=…&se=…[&skn=…]` with the fields in any order. The signature is the
//! HMAC-SHA256, under the base64-decoded key, of the resource exactly as it stands in the token, a line feed and the
//! expiry.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;

const SCHEME: &str = "SharedAccessSignature ";

/// Characters that are percent-encoded, as by Microsoft's clients: all but RFC 3986's unreserved ones.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SasToken {
    /// Resource, decoded: `localhost:8883/devices/thermostat-1`.
    pub resource: String,
    /// Expiry.
    pub expiry: Timestamp,
    /// Name of the policy whose key signed it (`skn`), if any.
    pub policy: Option<String>,
}

impl SasToken {
    /// Returns true if the token gives access to a path: its resource is a host that `is_named` accepts, followed by the
    /// first segments of the path, or by none. The SDK for .NET encodes each segment twice, so an encoded segment is
    /// compared decoded too.
    pub fn covers(&self, is_named: impl Fn(&str) -> bool, path: &[&str]) -> bool {
        let mut segments = self.resource.split('/');
        let is_this_host = segments.next().is_some_and(is_named);
        let segments: Vec<_> = segments.filter(|segment| !segment.is_empty()).collect();
        let mut pairs = segments.iter().zip(path);
        is_this_host
            && segments.len() <= path.len()
            && pairs.all(|(given, wanted)| is_segment(given, wanted))
    }

    /// Returns true if the token gives access to this path and nothing above it.
    pub fn is_for(&self, is_named: impl Fn(&str) -> bool, path: &[&str]) -> bool {
        self.covers(is_named, path) && self.resource.split('/').count() == path.len() + 1
    }
}

fn is_segment(given: &str, wanted: &str) -> bool {
    given == wanted || decode(given).is_ok_and(|given| given == wanted)
}

/// A token that is rejected, or cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SasError {
    /// The token is malformed.
    #[error("malformed SAS token: {0}")]
    Malformed(&'static str),
    /// The token has expired.
    #[error("SAS token expired at {0}")]
    Expired(Timestamp),
    /// No key matches the signature.
    #[error("SAS token has a wrong signature: check the key")]
    WrongSignature,
    /// The signing key is not base64.
    #[error("the signing key is not base64")]
    Key,
}

/// Verifies `token` with each of `keys` (base64) at the time `now`. A key that is not base64 matches nothing.
///
/// The caller has to compare the requested resource with that of the token ([`SasToken::covers`]).
///
/// # Errors
/// If the token is malformed or expired, or no key matches.
pub fn verify(token: &str, keys: &[&str], now: Timestamp) -> Result<SasToken, SasError> {
    let fields = Fields::parse(token)?;
    let signature = BASE64
        .decode(decode(fields.signature)?)
        .map_err(|_| SasError::Malformed("sig is not base64"))?;
    let text = SignedText(fields.resource, fields.expiry);
    if !keys.iter().any(|key| text.is_signed(&signature, key)) {
        return Err(SasError::WrongSignature);
    }
    let token = fields.token()?;
    if token.expiry <= now {
        return Err(SasError::Expired(token.expiry));
    }
    Ok(token)
}

/// Makes a token for `resource` (not URL-encoded) until `expiry`, signed with `key` (base64).
///
/// # Errors
/// If the key is not base64.
pub fn sign(
    resource: &str,
    key: &str,
    expiry: Timestamp,
    policy: Option<&str>,
) -> Result<String, SasError> {
    let resource = encode(resource);
    let expiry = expiry.as_second().to_string();
    let mac = SignedText(&resource, &expiry)
        .mac(key)
        .ok_or(SasError::Key)?;
    let signature = encode(&BASE64.encode(mac.finalize().into_bytes()));
    let policy = policy.map(|name| format!("&skn={}", encode(name)));
    Ok(format!(
        "{SCHEME}sr={resource}&sig={signature}&se={expiry}{}",
        policy.unwrap_or_default()
    ))
}

/// Derives the key of one device from a group key (both base64): the HMAC-SHA256 of its registration ID. `None` if the group
/// key is not base64.
pub fn derive_key(group_key: &str, registration_id: &str) -> Option<String> {
    let mut mac = mac(group_key)?;
    mac.update(registration_id.as_bytes());
    Some(BASE64.encode(mac.finalize().into_bytes()))
}

/// Returns a new random key of 32 bytes, in base64.
pub fn random_key() -> String {
    BASE64.encode(rand::random::<[u8; 32]>())
}

/// Returns the policy that an unverified token names, to select the keys to verify it with.
pub fn claimed_policy(token: &str) -> Option<String> {
    decode(Fields::parse(token).ok()?.policy?).ok()
}

/// The signed text: resource and expiry, still encoded.
struct SignedText<'a>(&'a str, &'a str);

impl SignedText<'_> {
    fn mac(&self, key: &str) -> Option<Hmac<Sha256>> {
        let mut mac = mac(key)?;
        mac.update(self.0.as_bytes());
        mac.update(b"\n");
        mac.update(self.1.as_bytes());
        Some(mac)
    }

    /// Verifies the signature in constant time.
    fn is_signed(&self, signature: &[u8], key: &str) -> bool {
        self.mac(key)
            .is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }
}

fn mac(key: &str) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(&BASE64.decode(key).ok()?).ok()
}

/// The fields of a token, still URL-encoded.
#[derive(Default)]
struct Fields<'a> {
    resource: &'a str,
    signature: &'a str,
    expiry: &'a str,
    policy: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn parse(token: &'a str) -> Result<Self, SasError> {
        let fields = token.strip_prefix(SCHEME).ok_or(SasError::Malformed(
            "it does not start with SharedAccessSignature",
        ))?;
        let mut parsed = Self::default();
        for field in fields.trim().split('&') {
            match field.split_once('=') {
                Some(("sr", value)) => parsed.resource = value,
                Some(("sig", value)) => parsed.signature = value,
                Some(("se", value)) => parsed.expiry = value,
                Some(("skn", value)) => parsed.policy = Some(value).filter(|name| !name.is_empty()),
                _ => {}
            }
        }
        parsed.complete()
    }

    fn complete(self) -> Result<Self, SasError> {
        match &self {
            Self { resource: "", .. } => Err(SasError::Malformed("sr is missing")),
            Self { signature: "", .. } => Err(SasError::Malformed("sig is missing")),
            Self { expiry: "", .. } => Err(SasError::Malformed("se is missing")),
            _ => Ok(self),
        }
    }

    fn token(&self) -> Result<SasToken, SasError> {
        let expiry = self.expiry.parse().ok();
        Ok(SasToken {
            resource: decode(self.resource)?,
            expiry: expiry
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .ok_or(SasError::Malformed("se is not a time in seconds"))?,
            policy: self.policy.map(decode).transpose()?,
        })
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Decodes a field. A '+' stays a '+', because clients do not encode it in the base64 of a signature.
fn decode(text: &str) -> Result<String, SasError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| SasError::Malformed("a field is not UTF-8"))
}

#[cfg(test)]
#[path = "sas_tests.rs"]
mod tests;
