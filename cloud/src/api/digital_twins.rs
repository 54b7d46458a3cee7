//! `/digitaltwins/{id}`: digital twins and their commands.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{ETAG, LOCATION},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use dtdl::{Model, ModelError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tracing::warn;

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body::{self, if_match},
    parameters::{Id, PathParameters, QueryParameters},
    problem::{MethodProblem, RegistryProblem, tracking_id},
    timeouts::MethodTimeouts,
};
use crate::{
    hub::{DigitalTwinPatch, MethodCall},
    json::JsonValue,
};

const STATUS: HeaderName = HeaderName::from_static("x-ms-command-statuscode");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// Characters that are percent-encoded: all but RFC 3986's unreserved ones.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/digitaltwins/{id}", get(read).patch(change))
        .route("/digitaltwins/{id}/commands/{name}", post(command))
        .route(
            "/digitaltwins/{id}/components/{component}/commands/{name}",
            post(component_command),
        )
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::ServiceConnect)?;
    let twin = services.hub.twin(&id)?;
    Ok(super::with_etag(&twin.etag(), twin.to_digital_twin()))
}

async fn change(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::ServiceConnect)?;
    let patch: JsonValue = body::json(request).await?;
    let patch = DigitalTwinPatch::from_json(&patch)?;
    let hub = &services.hub;
    if let Some(model) = announced_model(&services, &id)? {
        patch.validate(&model)?;
    }
    let twin = hub.patch_digital_twin(&id, &patch, if_match(&headers))?;
    let location = utf8_percent_encode(&id, ESCAPED);
    let headers = [
        (ETAG, format!("\"{}\"", twin.etag())),
        (LOCATION, format!("/digitaltwins/{location}")),
    ];
    Ok((StatusCode::ACCEPTED, headers).into_response())
}

/// Resolves the model that the device announced; `None` if it is unknown or invalid.
fn announced_model(services: &Services, id: &str) -> Result<Option<Model>, Error> {
    let announced = services.hub.twin(id)?.model_id;
    let announced = announced.and_then(|model| model.parse().ok());
    let model = announced.map(|model| services.models.resolve(&model));
    Ok(model.and_then(|model| match model {
        Ok(model) => Some(model),
        Err(ModelError::Unknown { .. }) => None,
        Err(error) => {
            warn!(device = id, %error, "device model invalid, patch not validated");
            None
        }
    }))
}

async fn command(
    caller: Caller,
    State(services): State<Arc<Services>>,
    PathParameters((id, name)): PathParameters<(String, String)>,
    parameters: QueryParameters,
    request: Request,
) -> Result<Response, MethodProblem> {
    call(&caller, &services, &id, name, &parameters, request).await
}

async fn component_command(
    caller: Caller,
    State(services): State<Arc<Services>>,
    PathParameters((id, component, name)): PathParameters<(String, String, String)>,
    parameters: QueryParameters,
    request: Request,
) -> Result<Response, MethodProblem> {
    let name = format!("{component}*{name}");
    call(&caller, &services, &id, name, &parameters, request).await
}

async fn call(
    caller: &Caller,
    services: &Services,
    id: &str,
    name: String,
    parameters: &QueryParameters,
    request: Request,
) -> Result<Response, MethodProblem> {
    caller.require(Permission::ServiceConnect)?;
    let payload = body::optional_json(request).await?;
    let seconds = |name| parameters.get(name).map(Value::String);
    let timeouts = MethodTimeouts::parse(
        seconds("connectTimeoutInSeconds"),
        seconds("responseTimeoutInSeconds"),
    )?;
    let call = MethodCall {
        name,
        payload,
        response_timeout: timeouts.response,
        connect_timeout: timeouts.connect,
    };
    let reply = services.hub.call_method(id, call).await?;
    let headers = [
        (STATUS, reply.status.to_string()),
        (REQUEST_ID, tracking_id()),
    ];
    Ok((headers, axum::Json(reply.payload)).into_response())
}
