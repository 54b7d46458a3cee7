//! Symmetric keys, and the shared access signatures (SAS) made with them.
//!
//! Source: "Control access to IoT Hub by using shared access signatures" and "Symmetric key attestation" of the Azure
//! IoT documentation.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

/// All but the unreserved characters of RFC 3986, as Microsoft's SDKs have it (Python's `quote(text, safe="")`).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes a part of a token, a topic or a user name.
pub(crate) fn quote(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ESCAPED)
}

/// Returns true if the text starts with a quote: env files and YAML may keep those of the shell. Neither a key nor a
/// connection string starts with one.
pub(crate) fn is_quoted(text: &str) -> bool {
    text.starts_with([
        '"', '\'', '`', '\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}',
    ])
}

/// A symmetric key of a device or of an enrollment group. Its bytes appear in no output and are wiped when it is dropped.
#[derive(Clone, Debug)]
pub struct SymmetricKey(SecretSlice<u8>);

/// The error of a text that is not a key. It shows nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is empty.
    #[error("the key is empty: copy the primary or secondary key of the device")]
    Empty,
    /// The text is not base64, or was cut off.
    #[error("the key is not base64: copy it whole, including the `=` at its end")]
    NotBase64,
    /// The text starts with a quote.
    #[error("the key starts with a quote; remove the quotes around it")]
    Quoted,
}

impl SymmetricKey {
    /// Reads a key as Azure shows it: base64 with padding.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if is_quoted(text) {
            return Err(KeyError::Quoted);
        }
        let bytes = BASE64.decode(text).map_err(|_| KeyError::NotBase64)?;
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self(bytes.into()))
    }

    /// Derives the key of the device with this registration ID from this key of an enrollment group.
    #[must_use]
    pub fn derive(&self, registration_id: &str) -> Self {
        Self(self.sign(registration_id).into())
    }

    /// Creates a SAS token for `resource`, written as `{hub}/devices/{device}` or
    /// `{scope}/registrations/{registration}`, that is valid until `expires`. The Device Provisioning Service knows its
    /// keys by the `policy` name `registration`; a device's key at a hub has none.
    #[must_use]
    pub fn token(&self, resource: &str, expires: Timestamp, policy: Option<&str>) -> SecretString {
        let resource = quote(resource).to_string();
        let expires = expires.as_second();
        let signature = BASE64.encode(self.sign(&format!("{resource}\n{expires}")));
        let signature = quote(&signature);
        let mut token = format!("SharedAccessSignature sr={resource}&sig={signature}&se={expires}");
        if let Some(policy) = policy {
            token.push_str("&skn=");
            token.extend(quote(policy));
        }
        token.into()
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        #[expect(
            clippy::expect_used,
            reason = "RFC 2104: HMAC takes a key of any length"
        )]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("any length");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The bytes 0 to 31.
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn token(resource: &str, expires: i64, policy: Option<&str>) -> String {
        let expires = Timestamp::from_second(expires).unwrap();
        let token = SymmetricKey::parse(KEY)
            .unwrap()
            .token(resource, expires, policy);
        token.expose_secret().to_owned()
    }

    #[test]
    fn a_device_key_derived_from_a_group_key_is_the_one_microsoft_documents() {
        let group = SymmetricKey::parse(
            "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==",
        );
        let device = group
            .unwrap()
            .derive("sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6");
        assert_eq!(
            BASE64.encode(device.0.expose_secret()),
            "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc="
        );
    }

    #[test]
    fn a_token_for_provisioning_is_the_one_microsofts_python_client_makes() {
        assert_eq!(
            token(
                "0ne00000001/registrations/my device~1",
                1_700_000_000,
                Some("registration")
            ),
            "SharedAccessSignature sr=0ne00000001%2Fregistrations%2Fmy%20device~1\
             &sig=2I7wj27BLkgdkJApcIjxEiUsRD1jKn5wGlJpgLVwhLc%3D&se=1700000000&skn=registration"
        );
    }

    #[test]
    fn a_token_for_a_hub_keeps_the_port_it_was_given_and_names_no_policy() {
        assert_eq!(
            token("localhost:8883/devices/thermostat-1", 1_700_003_600, None),
            "SharedAccessSignature sr=localhost%3A8883%2Fdevices%2Fthermostat-1\
             &sig=9sUzykENHOlOA9YHDRuIiG3uPpB0hfG8xSziOsl0qY8%3D&se=1700003600"
        );
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_without_being_shown() {
        for text in [
            "s3cret!",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "AAE CAwQF",
        ] {
            let error = SymmetricKey::parse(text).unwrap_err();
            assert_eq!(error, KeyError::NotBase64);
            assert!(!error.to_string().contains(text));
        }
        assert_eq!(SymmetricKey::parse("").unwrap_err(), KeyError::Empty);
    }

    #[test]
    fn debug_output_shows_nothing_of_a_key() {
        let shown = format!("{:?}", SymmetricKey::parse(KEY).unwrap());
        assert_eq!(shown, "SymmetricKey(SecretBox<[u8]>([REDACTED]))");
    }

    /// HMAC of RFC 2104, from the hash alone.
    fn hmac(key: &[u8], text: &str) -> Vec<u8> {
        use sha2::Digest;
        let mut block = [0; 64];
        let hashed = Sha256::digest(key);
        let key = if key.len() > 64 { &hashed[..] } else { key };
        block[..key.len()].copy_from_slice(key);
        let padded = |pad: u8| block.map(|byte| byte ^ pad).to_vec();
        let inner = Sha256::digest([&padded(0x36), text.as_bytes()].concat());
        Sha256::digest([&padded(0x5c), &inner[..]].concat()).to_vec()
    }

    fn decoded(text: &str) -> String {
        percent_decode_str(text).decode_utf8().unwrap().into_owned()
    }

    proptest! {
        #[test]
        fn a_verifier_of_its_own_accepts_every_token(
            key in vec(any::<u8>(), 1..100),
            resource in ".{1,40}",
            expires in 0..200_000_000_000_i64,
            policy in prop::option::of(".{1,9}"),
        ) {
            let made = SymmetricKey::parse(&BASE64.encode(&key)).unwrap().token(
                &resource,
                Timestamp::from_second(expires).unwrap(),
                policy.as_deref(),
            );
            let fields = made.expose_secret().strip_prefix("SharedAccessSignature ").unwrap();
            let fields: Vec<_> = fields.split('&').map(|field| field.split_once('=').unwrap()).collect();
            let signed = format!("{}\n{}", fields[0].1, fields[2].1);
            prop_assert_eq!((fields[0].0, decoded(fields[0].1)), ("sr", resource));
            prop_assert_eq!((fields[1].0, decoded(fields[1].1)), ("sig", BASE64.encode(hmac(&key, &signed))));
            prop_assert_eq!((fields[2].0, fields[2].1), ("se", &*expires.to_string()));
            prop_assert_eq!(fields.get(3).map(|(_, name)| decoded(name)), policy);
        }

        #[test]
        fn no_text_makes_a_key_that_panics(text in ".{0,40}|[A-Za-z0-9+/]{0,8}={0,3}") {
            if let Ok(key) = SymmetricKey::parse(&text) {
                let _ = key.derive(&text).token(&text, Timestamp::MAX, Some(&text));
            }
        }
    }
}
