//! What the device provisioning service says, as read from topic and body.

use std::time::Duration;

use serde::Deserialize;

use super::{dps::Assignment, error::printable};
use crate::mqtt::Endpoint;

/// Where all answers come.
pub(super) const TOPIC: &str = "$dps/registrations/res/#";
/// The longest `retry-after` that is believed.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);
/// The longest device id IoT Hub takes.
const LONGEST_DEVICE_ID: usize = 128;

/// What the topic of an answer says.
pub(super) struct Header<'a> {
    pub(super) status: u16,
    pub(super) request: &'a str,
    pub(super) retry_after: Option<Duration>,
}

impl<'a> Header<'a> {
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
                    header.retry_after = pause.map(|pause| pause.min(LONGEST_PAUSE));
                }
                _ => {}
            }
        }
        Some(header)
    }
}

/// The body of an answer that is no error.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    pub(super) operation_id: Option<String>,
    pub(super) status: String,
    #[serde(default)]
    pub(super) registration_state: RegistrationState,
}

/// How far a registration has come.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegistrationState {
    assigned_hub: Option<String>,
    device_id: Option<String>,
    #[serde(flatten)]
    pub(super) failure: Failure,
}

impl RegistrationState {
    pub(super) fn assignment(self) -> Option<Assignment> {
        let hub = self.assigned_hub?;
        Endpoint::parse(&hub)?;
        let device_id = self.device_id.filter(|id| is_device_id(id))?;
        Some(Assignment { hub, device_id })
    }
}

/// Whether this can be a device's name at a hub and part of a topic: IoT Hub's characters without `+` and `#`, which no
/// topic may have.
fn is_device_id(text: &str) -> bool {
    let allowed = |character: char| {
        character.is_ascii_alphanumeric() || "-:.%_*?!(),=@$'".contains(character)
    };
    (1..=LONGEST_DEVICE_ID).contains(&text.len()) && text.chars().all(allowed)
}

/// An error, in the body of an answer and within the state of a registration.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub(super) error_code: Option<u64>,
    #[serde(alias = "errorMessage")]
    message: Option<String>,
}

impl Failure {
    pub(super) fn message(&self) -> String {
        printable(self.message.as_deref().unwrap_or_default())
    }
}
