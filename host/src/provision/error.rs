//! Errors of provisioning.

use std::{fmt, time::Duration};

use crate::{cause::Cause, mqtt::ConnackCode};

/// The error of a registration without an assignment, by the reaction of the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionError {
    /// The service rejects this device: retrying with the same settings does not help.
    #[error("{0}")]
    Rejected(RegistrationRejected),
    /// Retrying may succeed.
    #[error("{message}")]
    Retry {
        /// The least delay; `None` leaves it to the caller.
        after: Option<Duration>,
        /// The cause.
        cause: Cause,
        /// The message, for people.
        message: String,
    },
    /// The service has assigned a device ID that cannot be connected.
    #[error("{0}")]
    Unusable(String),
    /// The certificate of the service is not trusted, is for another name, or is not valid now.
    #[error("{0}")]
    Certificate(String),
}

/// The rejection of a device by the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationRejected {
    /// The endpoint of the service.
    pub endpoint: String,
    /// The ID scope of the request.
    pub id_scope: String,
    /// The registration ID of the request.
    pub registration_id: String,
    /// The reason the service gave.
    pub reason: RejectionReason,
}

/// The reason of a rejection. Texts are the service's own, shortened and with control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RejectionReason {
    /// The return code of CONNACK.
    Connack(ConnackCode),
    /// The status of a response.
    Status {
        /// As in HTTP.
        status: u16,
        /// Its own number for the error.
        code: Option<u64>,
        /// Its own words.
        message: String,
    },
    /// The registration ended in another state than `assigned`.
    State {
        /// `failed` or `disabled`.
        state: &'static str,
        /// Its own number for the error.
        code: Option<u64>,
        /// Its own words.
        message: String,
    },
}

impl fmt::Display for RegistrationRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            id_scope,
            registration_id,
            reason,
        } = self;
        write!(
            f,
            "{endpoint} rejected the registration {registration_id} in scope {id_scope} with {reason}; {}",
            reason.remedy()
        )
    }
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, message) = match self {
            Self::Connack(code) => return write!(f, "{code}"),
            Self::Status {
                status,
                code,
                message,
            } => {
                write!(f, "status {status}")?;
                (code, message)
            }
            Self::State {
                state,
                code,
                message,
            } => {
                write!(f, "status `{state}`")?;
                (code, message)
            }
        };
        if let Some(code) = code {
            write!(f, " (error {code})")?;
        }
        if !message.is_empty() {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

impl RejectionReason {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Connack(ConnackCode(1 | 2)) => "check the registration ID and the endpoint",
            Self::Connack(_) | Self::Status { status: 401, .. } => {
                "check the ID scope, the registration ID and its key, and this machine's clock"
            }
            Self::Status { status: 404, .. } => {
                "check the ID scope, and that the registration ID is enrolled there"
            }
            Self::Status { .. } => "check the registration ID and the model ID",
            Self::State { state, .. } if *state == "disabled" => {
                "enable the enrollment, or use another one"
            }
            Self::State { .. } => "check the enrollment and the hubs it is linked to",
        }
    }
}

/// Returns a text of the service for output: one line, at most 200 characters, control characters escaped.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(200) {
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_who_refused_what_and_why_and_what_to_do() {
        let refusal = RegistrationRejected {
            endpoint: "global.azure-devices-provisioning.net".to_owned(),
            id_scope: "0ne1".to_owned(),
            registration_id: "thermostat-1".to_owned(),
            reason: RejectionReason::Status {
                status: 401,
                code: Some(401_002),
                message: "CertificateNotFound".to_owned(),
            },
        };
        assert_eq!(
            refusal.to_string(),
            "global.azure-devices-provisioning.net rejected the registration thermostat-1 in scope 0ne1 with \
             status 401 (error 401002): CertificateNotFound; \
             check the ID scope, the registration ID and its key, and this machine's clock"
        );
    }

    #[test]
    fn a_text_of_the_service_stays_on_one_line_and_within_bounds() {
        assert_eq!(
            printable("it's \"no\"\r\n\u{1b}[2Jé"),
            "it's \"no\"\\r\\n\\u{1b}[2Jé"
        );
        assert_eq!(printable(&"x".repeat(1000)).len(), 200);
    }
}
