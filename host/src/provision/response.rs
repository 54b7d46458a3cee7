//! Responses of the Device Provisioning Service, as read from topic and body.

use std::time::Duration;

use serde::Deserialize;

use super::{
    device_id::{DeviceIdError, check_device_id},
    dps::Assignment,
    error::printable,
};
use crate::mqtt::Endpoint;

/// The topic filter of all responses.
pub(super) const TOPIC: &str = "$dps/registrations/res/#";
/// The limit of `retry-after`.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// The topic of a response.
pub(super) struct ResponseTopic<'a> {
    pub(super) status: u16,
    pub(super) request: &'a str,
    pub(super) retry_after: Option<Duration>,
}

impl<'a> ResponseTopic<'a> {
    /// Reads `$dps/registrations/res/{status}/?$rid={request}&retry-after={seconds}`.
    pub(super) fn parse(topic: &'a str) -> Option<Self> {
        let (status, query) = topic
            .strip_prefix("$dps/registrations/res/")?
            .split_once("/?")?;
        let mut header = Self {
            status: status.parse().ok()?,
            request: "",
            retry_after: None,
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "$rid" => header.request = value,
                "retry-after" => {
                    let pause = value.parse().ok().map(Duration::from_secs);
                    header.retry_after = pause.map(|pause| pause.min(MAX_RETRY_AFTER));
                }
                _ => {}
            }
        }
        Some(header)
    }
}

/// The body of a successful response.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationStatus {
    pub(super) operation_id: Option<String>,
    pub(super) status: String,
    #[serde(default)]
    pub(super) registration_state: RegistrationState,
}

/// The state of a registration.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegistrationState {
    assigned_hub: Option<String>,
    device_id: Option<String>,
    #[serde(flatten)]
    pub(super) failure: ServiceError,
}

impl RegistrationState {
    /// Returns the assignment; `None` without a usable hub or without a device ID.
    ///
    /// # Errors
    /// The device ID cannot be connected.
    pub(super) fn assignment(self) -> Option<Result<Assignment, (String, DeviceIdError)>> {
        let hub = self.assigned_hub?;
        Endpoint::parse(&hub)?;
        let device_id = self.device_id?;
        Some(match check_device_id(&device_id) {
            Ok(()) => Ok(Assignment { hub, device_id }),
            Err(error) => Err((printable(&device_id), error)),
        })
    }
}

/// An error of the service, in the body of a response or in the state of a registration.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceError {
    pub(super) error_code: Option<u64>,
    #[serde(alias = "errorMessage")]
    message: Option<String>,
}

impl ServiceError {
    pub(super) fn message(&self) -> String {
        printable(self.message.as_deref().unwrap_or_default())
    }
}
