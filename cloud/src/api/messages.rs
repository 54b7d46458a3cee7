//! `/api/devices/{id}/messages`: cloud-to-device messages, which in Azure have no REST endpoint.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body, content,
    parameters::Id,
    problem::Problem,
};
use crate::{hub, json::JsonText};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/devices/{id}/messages", post(send))
}

/// A cloud-to-device message: the body as in [`content`], and its properties under Azure's names.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct C2dMessage {
    message_id: Option<String>,
    correlation_id: Option<String>,
    content_type: Option<String>,
    content_encoding: Option<String>,
    user_id: Option<String>,
    to: Option<String>,
    expiry_time_utc: Option<String>,
    ack: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    body: Option<JsonText>,
    text: Option<String>,
    base64: Option<String>,
}

impl C2dMessage {
    /// Refuses what cannot be done for the device: feedback, which the local cloud does not have, and another address.
    fn check(&self, id: &str) -> Result<(), Error> {
        match self.ack.as_deref() {
            None | Some("none") => {}
            Some("positive" | "negative" | "full") => {
                return Err(Error::Hub(hub::Error::NotSupported(
                    "cloud-to-device message feedback (ack)",
                )));
            }
            Some(other) => {
                return Err(Error::invalid(format!(
                    "invalid ack {other:?}: the local cloud has no feedback, so it must be \"none\" or absent"
                )));
            }
        }
        let own = format!("/devices/{id}/messages/deviceBound");
        match &self.to {
            Some(to) if !to.eq_ignore_ascii_case(&own) => Err(Error::invalid(format!(
                "invalid to {to:?}: it must be {own:?} or absent"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the system properties under their names on the wire, then the application properties.
    fn properties(self) -> Result<Vec<(String, String)>, Error> {
        if let Some(name) = self.properties.keys().find(|name| name.starts_with('$')) {
            return Err(Error::invalid(format!(
                "invalid property name {name:?}: a leading '$' is reserved for system properties"
            )));
        }
        let system = [
            ("$.mid", self.message_id),
            ("$.cid", self.correlation_id),
            ("$.ct", self.content_type),
            ("$.ce", self.content_encoding),
            ("$.uid", self.user_id),
            ("$.exp", self.expiry_time_utc),
        ];
        let system = system
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(system.chain(self.properties).collect())
    }
}

async fn send(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Permission::ServiceConnect)?;
    let mut message: C2dMessage = body::json(request).await?;
    message.check(&id)?;
    let body = content::bytes(
        message.body.take(),
        message.text.take(),
        message.base64.take(),
    )?;
    let properties = message.properties()?;
    let message_id = services.hub.send_message(&id, body.into(), properties)?;
    let answer = Json(json!({"messageId": message_id}));
    Ok((StatusCode::CREATED, answer).into_response())
}

/// Deserializes `null` as a body, not as its absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<JsonText>, D::Error> {
    JsonText::deserialize(deserializer).map(Some)
}
