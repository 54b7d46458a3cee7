//! Registration with the Device Provisioning Service, and the assignment it returns.
//!
//! Source: "Communicate with your DPS using the MQTT protocol" of the Azure IoT documentation.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    error::{ProvisionError, RegistrationRejected, RejectionReason},
    sas::SymmetricKey,
};
use crate::{
    cause::Cause,
    mqtt::{ConnackCode, Connect, ConnectError, Endpoint},
};

/// The version the sample's SDK speaks, and the one that takes a model ID.
const API_VERSION: &str = "2019-03-31";
/// The lifetime of a SAS token; far longer than a registration, so that a clock may be off.
const TOKEN_TTL: SignedDuration = SignedDuration::from_hours(1);
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The registration of a device.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The endpoint of the service.
    pub endpoint: Endpoint,
    /// The ID scope of the service.
    pub id_scope: String,
    /// The registration ID of the device.
    pub registration_id: String,
    /// The device's key: for an enrollment group the derived one.
    pub key: SymmetricKey,
}

/// The identity of a registration, with which its assignment is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Enrollment {
    /// The service, with its port.
    pub endpoint: String,
    /// The ID scope of the service.
    pub id_scope: String,
    /// The registration ID of the device.
    pub registration_id: String,
}

/// The assignment of a device to a hub. It is valid until the hub rejects the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The hub as the service named it, with its port if it named one.
    pub hub: String,
    /// The device's name at that hub.
    pub device_id: String,
}

impl Registration {
    /// Returns the identity of the registration.
    #[must_use]
    pub fn enrollment(&self) -> Enrollment {
        Enrollment {
            endpoint: self.endpoint.to_string(),
            id_scope: self.id_scope.clone(),
            registration_id: self.registration_id.clone(),
        }
    }

    pub(super) fn connect(&self, now: Timestamp) -> Connect {
        let resource = format!("{}/registrations/{}", self.id_scope, self.registration_id);
        let expires = now.saturating_add(TOKEN_TTL).unwrap_or(Timestamp::MAX);
        Connect {
            endpoint: self.endpoint.clone(),
            client_id: self.registration_id.clone(),
            username: format!("{resource}/api-version={API_VERSION}"),
            password: self.key.token(&resource, expires, Some("registration")),
            keep_alive: KEEP_ALIVE,
        }
    }

    pub(super) fn connect_failed(&self, error: ConnectError) -> ProvisionError {
        match error {
            ConnectError::Refused(code @ (1 | 2 | 4 | 5)) => {
                self.rejected(RejectionReason::Connack(ConnackCode(code)))
            }
            ConnectError::Certificate(why) => {
                ProvisionError::Certificate(format!("{}: {why}", self.endpoint))
            }
            other => self.retry(None, Cause::from(&other), &other.to_string()),
        }
    }

    pub(super) fn retry(
        &self,
        after: Option<Duration>,
        cause: Cause,
        what: &str,
    ) -> ProvisionError {
        let message = format!("{}: {what}", self.endpoint);
        ProvisionError::Retry {
            after,
            cause,
            message,
        }
    }

    pub(super) fn rejected(&self, reason: RejectionReason) -> ProvisionError {
        ProvisionError::Rejected(RegistrationRejected {
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
            key: SymmetricKey::parse("AAECAw==").unwrap(),
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
    fn only_a_connack_that_refuses_the_device_is_a_rejection() {
        let class = |error| registration().connect_failed(error);
        for code in [1, 2, 4, 5] {
            let error = class(ConnectError::Refused(code));
            assert!(matches!(error, ProvisionError::Rejected(_)), "{error}");
        }
        let busy = class(ConnectError::Refused(3));
        assert!(matches!(busy, ProvisionError::Retry { .. }), "{busy}");
        let untrusted = class(ConnectError::Certificate("not trusted".to_owned()));
        assert_eq!(
            untrusted,
            ProvisionError::Certificate("dps.test:8883: not trusted".to_owned())
        );
        let unreachable = class(ConnectError::Unreachable("no address".to_owned()));
        assert_eq!(unreachable.to_string(), "dps.test:8883: no address");
    }
}
