//! `/devices`: the registry.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::Error;
use super::Services;
use super::auth::{Caller, Right};
use super::body::{self, if_match};
use super::parameters::{Id, Parameters};
use super::problem::RegistryProblem;
use crate::hub::{Device, DeviceSpec};

/// How many devices a list has at most, as in Azure.
const LIST_LIMIT: usize = 1000;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/devices", get(list))
        .route("/devices/{id}", get(read).put(write).delete(remove))
}

/// How many devices are asked for.
fn limit(parameters: &Parameters) -> Result<usize, Error> {
    let Some(top) = parameters.get("top") else {
        return Ok(LIST_LIMIT);
    };
    match top.parse() {
        Ok(top @ 1..=LIST_LIMIT) => Ok(top),
        _ => Err(Error::invalid(format!(
            "top must be a number from 1 to {LIST_LIMIT}"
        ))),
    }
}

async fn list(
    caller: Caller,
    State(services): State<Arc<Services>>,
    parameters: Parameters,
) -> Result<Response, RegistryProblem> {
    caller.may(Right::RegistryRead)?;
    let top = limit(&parameters)?;
    let devices = services.hub.devices();
    let devices: Vec<_> = devices.iter().take(top).map(Device::to_json).collect();
    Ok(Json(devices).into_response())
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, RegistryProblem> {
    caller.may(Right::RegistryRead)?;
    Ok(answer(&services.hub.device(&id)?))
}

/// Creates without `If-Match`, updates with it.
async fn write(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RegistryProblem> {
    caller.may(Right::RegistryWrite)?;
    let mut spec: DeviceSpec = body::json(request).await?;
    if spec.device_id.is_empty() {
        spec.device_id.clone_from(&id);
    }
    if spec.device_id != id {
        let message = "deviceId in the body is not the one in the address";
        return Err(Error::invalid(message).into());
    }
    let device = match if_match(&headers) {
        None => services.hub.create_device(spec)?,
        etag => services.hub.update_device(spec, etag)?,
    };
    Ok(answer(&device))
}

async fn remove(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode, RegistryProblem> {
    caller.may(Right::RegistryWrite)?;
    services.hub.delete_device(&id, if_match(&headers))?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(device: &Device) -> Response {
    super::with_etag(&device.etag, device.to_json())
}
