//! What a device registers with at the device provisioning service, and what it gets.
//!
//! Source: "Communicate with your DPS using the MQTT protocol" of the Azure IoT documentation.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    error::{ProvisionError, Reason, Refusal},
    sas::Key,
};
use crate::{
    hub::reconnect::Cause,
    mqtt::{Connect, ConnectError, Endpoint},
};

/// The version the sample's SDK speaks, and the one that takes a model id.
const API_VERSION: &str = "2019-03-31";
/// How long a token lasts; far longer than a registration, so that a clock may be off.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What a device registers with.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The service.
    pub endpoint: Endpoint,
    /// Which instance of the service.
    pub id_scope: String,
    /// Who the device is to the service.
    pub registration_id: String,
    /// The device's key: for an enrolment group the derived one.
    pub key: Key,
}

/// What tells one registration from another, for keeping its assignment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Enrolment {
    /// The service, with its port.
    pub endpoint: String,
    /// Which instance of the service.
    pub id_scope: String,
    /// Who the device is to the service.
    pub registration_id: String,
}

/// Where a device belongs. Good until the hub no longer takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The hub as the service named it, with its port if it named one.
    pub hub: String,
    /// The device's name at that hub.
    pub device_id: String,
}

impl Registration {
    /// The part of it an assignment is kept under.
    #[must_use]
    pub fn enrolment(&self) -> Enrolment {
        Enrolment {
            endpoint: self.endpoint.to_string(),
            id_scope: self.id_scope.clone(),
            registration_id: self.registration_id.clone(),
        }
    }

    pub(super) fn connect(&self, now: Timestamp) -> Connect {
        let resource = format!("{}/registrations/{}", self.id_scope, self.registration_id);
        let expires = now.saturating_add(TOKEN_LIFE).unwrap_or(Timestamp::MAX);
        Connect {
            endpoint: self.endpoint.clone(),
            client_id: self.registration_id.clone(),
            username: format!("{resource}/api-version={API_VERSION}"),
            password: self.key.token(&resource, expires, Some("registration")),
            keep_alive: KEEP_ALIVE,
        }
    }

    pub(super) fn not_connected(&self, error: ConnectError) -> ProvisionError {
        match error {
            ConnectError::Refused(code @ (1 | 2 | 4 | 5)) => self.refused(Reason::Connack(code)),
            ConnectError::Tls(why) => ProvisionError::Tls(format!("{}: {why}", self.endpoint)),
            other => self.try_again(None, Cause::from(&other), &other.to_string()),
        }
    }

    pub(super) fn try_again(
        &self,
        after: Option<Duration>,
        cause: Cause,
        what: &str,
    ) -> ProvisionError {
        let why = format!("{}: {what}", self.endpoint);
        ProvisionError::TryAgain { after, cause, why }
    }

    pub(super) fn refused(&self, reason: Reason) -> ProvisionError {
        ProvisionError::Refused(Refusal {
            endpoint: self.endpoint.to_string(),
            id_scope: self.id_scope.clone(),
            registration_id: self.registration_id.clone(),
            reason,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    pub(in super::super) fn registration() -> Registration {
        Registration {
            endpoint: Endpoint::parse("dps.test").unwrap(),
            id_scope: "0ne1".to_owned(),
            registration_id: "thermostat-1".to_owned(),
            key: Key::parse("AAECAw==").unwrap(),
        }
    }

    #[test]
    fn connect_carries_the_fields_the_service_documents() {
        let connect = registration().connect(Timestamp::from_second(1_700_000_000).unwrap());
        assert_eq!(connect.client_id, "thermostat-1");
        assert_eq!(
            connect.username,
            "0ne1/registrations/thermostat-1/api-version=2019-03-31"
        );
        let password = connect.password.expose_secret();
        let start = "SharedAccessSignature sr=0ne1%2Fregistrations%2Fthermostat-1&sig=";
        assert!(password.starts_with(start));
        assert!(password.ends_with("&se=1700003600&skn=registration"));
    }

    #[test]
    fn only_a_connack_that_refuses_the_device_is_a_refusal() {
        let class = |error| registration().not_connected(error);
        for code in [1, 2, 4, 5] {
            let error = class(ConnectError::Refused(code));
            assert!(matches!(error, ProvisionError::Refused(_)), "{error}");
        }
        let busy = class(ConnectError::Refused(3));
        assert!(matches!(busy, ProvisionError::TryAgain { .. }), "{busy}");
        let untrusted = class(ConnectError::Tls("not trusted".to_owned()));
        assert_eq!(
            untrusted,
            ProvisionError::Tls("dps.test:8883: not trusted".to_owned())
        );
        let unreachable = class(ConnectError::Unreachable("no address".to_owned()));
        assert_eq!(unreachable.to_string(), "dps.test:8883: no address");
    }
}
