use serde_json::{Map, Value};

use crate::{
    device::effect::{Effect, Report},
    guest::{
        bindings::pnp::device::hub::{Body, Error, Host, Telemetry},
        limits::MAX_REPORT,
        state::{Staging, State},
    },
    hub::{
        message::{Message, MessageError},
        twin::is_too_deep,
    },
};

/// Why nothing more is staged in this call.
pub(super) enum Refusal {
    /// The call is `describe` or `save`.
    NotNow,
    /// The call has staged all it may.
    TooMany,
}

impl State {
    pub(super) fn stage(&mut self, effect: Effect) -> Result<(), Refusal> {
        let Staging::Open(effects) = &mut self.staging else {
            return Err(Refusal::NotNow);
        };
        if effects.len() >= self.limits.effects {
            return Err(Refusal::TooMany);
        }
        effects.push(effect);
        Ok(())
    }
}

impl Host for State {
    fn send_telemetry(&mut self, telemetry: Telemetry) -> Result<(), Error> {
        let body = match telemetry.body {
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
        };
        let message = Message {
            id: Message::new_id(),
            created: self.clock.now(),
            component: telemetry.component,
            content_type: telemetry.content_type,
            content_encoding: telemetry.content_encoding,
            properties: telemetry.properties,
            body: body.into(),
        };
        message.validate()?;
        let size = message.size();
        if self.room.as_ref().is_some_and(|room| !room.take(size)) {
            return Err(Error::Full);
        }
        Ok(self.stage(Effect::Telemetry(message))?)
    }

    fn report(&mut self, component: Option<String>, properties: String) -> Result<(), Error> {
        if properties.len() > MAX_REPORT {
            let size = properties.len();
            return Err(Error::TooLarge(format!(
                "the properties are {size} bytes, the hub takes {MAX_REPORT}"
            )));
        }
        let properties: Map<String, Value> =
            serde_json::from_str(&properties).map_err(|error| {
                Error::Invalid(format!("the properties are not a JSON object: {error}"))
            })?;
        if properties.values().any(is_too_deep) {
            return Err(Error::Invalid("the properties nest too deep".to_owned()));
        }
        Ok(self.stage(Effect::Report(Report {
            component,
            properties,
        }))?)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotNow => Self::Refused,
            Refusal::TooMany => Self::TooMany,
        }
    }
}

impl From<MessageError> for Error {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            _ => Self::Invalid(error.to_string()),
        }
    }
}
