//! Certificates in PEM files, as OpenSSL reads them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use rustls::pki_types::{
    CertificateDer,
    pem::{self, PemObject},
};

use crate::machine;

/// The size limit of a file, in bytes: the authorities of a system take a quarter of a megabyte.
const MAX_FILE_SIZE: u64 = 16 << 20;

/// The error of a file without usable certificates. It shows nothing of the content, which may be a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PemError {
    reason: String,
    /// True if another try may succeed.
    pub may_pass: bool,
}

impl PemError {
    /// Creates the error of a file whose certificates are all malformed.
    pub(super) fn none() -> Self {
        Self {
            reason: "no certificate in it".to_owned(),
            may_pass: false,
        }
    }
}

/// Reads the certificates of a PEM file: at least one, possibly between other text.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_SIZE).read_to_end(&mut content));
    read.map_err(|error| PemError {
        reason: match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        },
        may_pass: machine::may_pass(&error),
    })?;
    certificates(&content).map_err(|reason| PemError {
        reason: reason.to_owned(),
        may_pass: false,
    })
}

/// Returns the certificates in the content of a PEM file. The error is fixed text.
fn certificates(content: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    // Windows editors begin a file with a byte order mark.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = String::from_utf8_lossy(content);
    let plain = text.replace(" TRUSTED CERTIFICATE-----", " CERTIFICATE-----");
    let (mut found, mut failure) = (Vec::new(), None);
    for certificate in CertificateDer::pem_slice_iter(plain.as_bytes()) {
        match certificate {
            Ok(certificate) => found.push(first_element(&certificate)),
            Err(error) => failure = Some(error),
        }
    }
    match (found.is_empty(), text.contains("PRIVATE KEY-----"), failure) {
        (false, ..) => Ok(found),
        (true, true, _) => Err("no certificate in it, but a private key: keep that secret"),
        (true, false, Some(error)) => Err(syntax(&error)),
        (true, false, None) => Err("no certificate in it"),
    }
}

/// Describes a syntax error. The error itself quotes the file.
fn syntax(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "no certificate in it: the END line is missing, or the line ends are lost"
        }
        pem::Error::IllegalSectionStart { .. } => "no certificate in it: invalid BEGIN line",
        pem::Error::Base64Decode(_) => "no certificate in it: invalid base64",
        _ => "no certificate in it",
    }
}

/// Returns the first DER element of the data. In a `TRUSTED CERTIFICATE` OpenSSL's own settings follow the certificate.
fn first_element(der: &[u8]) -> CertificateDer<'static> {
    let length = match der {
        [_, short @ ..=0x7f, ..] => Some(2 + usize::from(*short)),
        [_, long @ 0x81..=0x84, rest @ ..] => {
            let count = usize::from(*long & 0x7f);
            let bytes = rest.get(..count).into_iter().flatten();
            let content = bytes.fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            Some(content.saturating_add(2 + count))
        }
        _ => None,
    };
    let element = length.and_then(|length| der.get(..length)).unwrap_or(der);
    CertificateDer::from(element.to_vec())
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use proptest::prelude::*;

    use super::*;

    fn pem(label: &str, der: &[u8], line_end: &str) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----{line_end}{body}{line_end}-----END {label}-----{line_end}")
    }

    fn sequence(length: usize) -> Vec<u8> {
        let mut der = vec![0x30, 0x82, (length >> 8) as u8, length as u8];
        der.resize(4 + length, 7);
        der
    }

    #[test]
    fn a_certificate_is_found_whatever_an_editor_has_put_around_it() {
        let der = sequence(300);
        for text in [
            pem("CERTIFICATE", &der, "\n"),
            pem("CERTIFICATE", &der, "\r\n"),
            format!("\u{feff}{}", pem("CERTIFICATE", &der, "\r\n")),
            format!(
                "Certificate:\n  Data:\n{}rubbish",
                pem("CERTIFICATE", &der, "\n")
            ),
            format!(
                "{}{}",
                pem("PRIVATE KEY", b"key", "\n"),
                pem("CERTIFICATE", &der, "\n")
            ),
        ] {
            let found = certificates(text.as_bytes()).unwrap();
            assert_eq!(found, [CertificateDer::from(der.clone())], "{text}");
        }
    }

    #[test]
    fn a_trusted_certificate_is_read_without_the_settings_of_openssl() {
        for length in [5, 200, 300] {
            let mut der = match length {
                5 => vec![0x30, 5, 1, 2, 3, 4, 5],
                200 => [&[0x30, 0x81, 200][..], &[7; 200]].concat(),
                _ => sequence(length),
            };
            let plain = der.clone();
            der.extend([0x30, 2, 1, 1]);
            let found = certificates(pem("TRUSTED CERTIFICATE", &der, "\n").as_bytes()).unwrap();
            assert_eq!(found, [CertificateDer::from(plain)]);
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_by_its_content() {
        let one_line = pem("CERTIFICATE", &sequence(9), "");
        for (text, words) in [
            ("", "no certificate in it"),
            (&*pem("PRIVATE KEY", b"secret", "\n"), "a private key"),
            (&*pem("EC PRIVATE KEY", b"secret", ""), "a private key"),
            (&*one_line, "line ends are lost"),
            (
                "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
                "base64",
            ),
        ] {
            let error = certificates(text.as_bytes()).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_content_makes_it_panic(content: Vec<u8>, label in "(CERTIFICATE|TRUSTED CERTIFICATE|PRIVATE KEY)?") {
            let _ = certificates(&content);
            let _ = certificates(pem(&label, &content, "\n").as_bytes());
            let _ = first_element(&content);
        }
    }
}
