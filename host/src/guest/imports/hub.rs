use serde_json::{Map, Value};

use crate::{
    contract::effect::{Effect, ReportedProperties},
    guest::{
        bindings::pnp::device::hub::{Body, Error, Host, Telemetry},
        instance_state::{InstanceState, Staging},
        limits::MAX_REPORT,
    },
    hub::{
        message::{MessageError, TelemetryMessage},
        twin::{PropertyError, check_report},
    },
};

/// The error of an effect that is not staged.
pub(super) enum StagingError {
    /// The call is `describe` or `save`.
    Forbidden,
    /// The call has staged its limit of effects.
    LimitExceeded,
}

impl InstanceState {
    pub(super) fn stage(&mut self, effect: Effect) -> Result<(), StagingError> {
        let Staging::Open(effects) = &mut self.staging else {
            return Err(StagingError::Forbidden);
        };
        if effects.len() >= self.limits.effects {
            return Err(StagingError::LimitExceeded);
        }
        effects.push(effect);
        Ok(())
    }
}

impl Host for InstanceState {
    fn send_telemetry(&mut self, telemetry: Telemetry) -> Result<(), Error> {
        let body = match telemetry.body {
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
        };
        let message = TelemetryMessage {
            id: TelemetryMessage::new_id(),
            created: self.clock.now(),
            component: telemetry.component,
            content_type: telemetry.content_type,
            content_encoding: telemetry.content_encoding,
            properties: telemetry.properties,
            body: body.into(),
        };
        message.validate()?;
        let size = message.size();
        if self
            .outbox_quota
            .as_ref()
            .is_some_and(|quota| !quota.reserve(size))
        {
            return Err(Error::Full);
        }
        Ok(self.stage(Effect::Telemetry(message))?)
    }

    fn report(&mut self, component: Option<String>, properties: String) -> Result<(), Error> {
        if properties.len() > MAX_REPORT {
            let size = properties.len();
            return Err(Error::TooLarge(format!(
                "the properties are {size} bytes, the limit is {MAX_REPORT}"
            )));
        }
        let properties: Map<String, Value> =
            serde_json::from_str(&properties).map_err(|error| {
                Error::Invalid(format!("the properties are not a JSON object: {error}"))
            })?;
        check_report(component.as_deref(), &properties)?;
        Ok(self.stage(Effect::Report(ReportedProperties {
            component,
            properties,
        }))?)
    }
}

impl From<StagingError> for Error {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::Forbidden => Self::Refused,
            StagingError::LimitExceeded => Self::TooMany,
        }
    }
}

impl From<PropertyError> for Error {
    fn from(error: PropertyError) -> Self {
        match error {
            PropertyError::StringTooLong { .. } => Self::TooLarge(error.to_string()),
            _ => Self::Invalid(error.to_string()),
        }
    }
}

impl From<MessageError> for Error {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::TooLarge { .. } | MessageError::TooManyProperties { .. } => {
                Self::TooLarge(error.to_string())
            }
            _ => Self::Invalid(error.to_string()),
        }
    }
}
