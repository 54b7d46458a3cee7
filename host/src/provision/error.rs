//! Why a device was not assigned to a hub.

use std::{fmt, time::Duration};

use crate::hub::reconnect::Cause;

/// Why a registration did not end with an assignment, by what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionError {
    /// The service will not have this device: trying again with the same settings does not help.
    #[error("{0}")]
    Refused(Refusal),
    /// It may go well another time.
    #[error("{why}")]
    TryAgain {
        /// Not before this time has passed; none leaves it to the caller.
        after: Option<Duration>,
        /// What kind of thing went wrong.
        cause: Cause,
        /// What exactly.
        why: String,
    },
    /// The service's certificate is not trusted, is for another name, or is out of its dates.
    #[error("{0}")]
    Tls(String),
}

/// The service's word that it will not have this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The service as given.
    pub endpoint: String,
    /// The ID scope that was asked.
    pub id_scope: String,
    /// The registration that was asked for.
    pub registration_id: String,
    /// What it said.
    pub reason: Reason,
}

/// What the service said. Texts are its own, shortened and with control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It answered CONNECT with this return code.
    Connack(u8),
    /// It answered a request with this status.
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

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            id_scope,
            registration_id,
            reason,
        } = self;
        write!(
            f,
            "{endpoint} refused the registration {registration_id} in scope {id_scope} with {reason}; {}",
            reason.remedy()
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, message) = match self {
            Self::Connack(code) => return write!(f, "CONNACK {code}"),
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
                write!(f, "the state `{state}`")?;
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

impl Reason {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Connack(1 | 2) => "check the registration id and the endpoint",
            Self::Connack(_) | Self::Status { status: 401, .. } => {
                "check the ID scope, the registration id and that the key belongs to it"
            }
            Self::Status { status: 404, .. } => {
                "check the ID scope, and that the registration id is enrolled there"
            }
            Self::Status { .. } => "check the registration id and the model id",
            Self::State { state, .. } if *state == "disabled" => {
                "enable the enrolment, or take another one"
            }
            Self::State { .. } => "check the enrolment and the hubs it is linked to",
        }
    }
}

/// A text of the service as it may be shown: one line, at most 200 characters, nothing that moves a cursor.
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
        let refusal = Refusal {
            endpoint: "global.azure-devices-provisioning.net".to_owned(),
            id_scope: "0ne1".to_owned(),
            registration_id: "thermostat-1".to_owned(),
            reason: Reason::Status {
                status: 401,
                code: Some(401_002),
                message: "CertificateNotFound".to_owned(),
            },
        };
        assert_eq!(
            refusal.to_string(),
            "global.azure-devices-provisioning.net refused the registration thermostat-1 in scope 0ne1 with \
             status 401 (error 401002): CertificateNotFound; \
             check the ID scope, the registration id and that the key belongs to it"
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
