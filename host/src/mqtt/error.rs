//! Errors of sockets and TLS in words.

use std::io;

use rustls::CertificateError;

use super::{ConnectError, LinkError, tls::describe_validity};

/// Returns the error of a connection whose socket failed.
pub(super) fn link_error(error: &io::Error) -> LinkError {
    match error.kind() {
        // Many servers close a connection without close_notify.
        io::ErrorKind::UnexpectedEof => LinkError::Closed,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => LinkError::Reset,
        io::ErrorKind::TimedOut => LinkError::KeepAliveTimeout(
            "the server does not respond (TCP retransmission timeout)".to_owned(),
        ),
        _ => LinkError::Protocol(io_reason(error)),
    }
}

/// Returns the error of a server that speaks another protocol.
pub(super) fn wrong_protocol(protocol: &str) -> ConnectError {
    ConnectError::Handshake(format!(
        "the server does not speak {protocol}; check name and port"
    ))
}

/// Distinguishes a certificate that is not accepted, where retrying does not help, from a handshake that broke.
pub(super) fn tls_error(error: &io::Error, host: &str) -> ConnectError {
    let rustls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidMessage(_)) = rustls {
        return wrong_protocol("TLS");
    }
    let Some(rustls::Error::InvalidCertificate(certificate)) = rustls else {
        return ConnectError::Handshake(format!("the TLS handshake failed: {}", io_reason(error)));
    };
    ConnectError::Certificate(match certificate {
        // A known name with another key: most likely an authority that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "the certificate of {host} is signed by an unknown authority; trust the authority's certificate with \
             --ca FILE or SSL_CERT_FILE"
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is not valid for {host}; use the name it was issued for")
        }
        other => describe_validity(other, host)
            .unwrap_or_else(|| format!("the certificate of {host} is not accepted: {other}")),
    })
}

/// Returns the message of an I/O error.
pub(super) fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "the server closed the connection".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(error: rustls::Error) -> ConnectError {
        tls_error(
            &io::Error::new(io::ErrorKind::InvalidData, error),
            "hub.example",
        )
    }

    #[test]
    fn a_certificate_that_must_not_be_accepted_is_told_with_the_remedy() {
        for (error, words) in [
            (
                CertificateError::UnknownIssuer,
                "--ca FILE or SSL_CERT_FILE",
            ),
            (
                CertificateError::NotValidForName,
                "is not valid for hub.example",
            ),
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "is not valid yet"),
            (CertificateError::BadSignature, "--ca FILE or SSL_CERT_FILE"),
            (CertificateError::Revoked, "is not accepted"),
        ] {
            let told = handshake(rustls::Error::InvalidCertificate(error));
            assert!(
                matches!(&told, ConnectError::Certificate(text) if text.contains(words)),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_handshake_that_breaks_may_go_well_another_time() {
        let told = handshake(rustls::Error::HandshakeNotComplete);
        assert!(matches!(told, ConnectError::Handshake(_)), "{told:?}");
        let eof = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(matches!(
            tls_error(&eof, "hub.example"),
            ConnectError::Handshake(_)
        ));
    }
}
