//! `/devices`: the device registry.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body::{self, if_match},
    parameters::{Id, QueryParameters},
    problem::RegistryProblem,
};
use crate::hub::{Device, DeviceSpec};

/// The largest number of devices in a list, as in Azure.
const MAX_LISTED: usize = 1000;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/devices", get(list))
        .route("/devices/{id}", get(read).put(write).delete(remove))
}

/// Parses the parameter `top`.
fn top(parameters: &QueryParameters) -> Result<usize, Error> {
    let Some(top) = parameters.get("top") else {
        return Ok(MAX_LISTED);
    };
    match top.parse() {
        Ok(top @ 1..=MAX_LISTED) => Ok(top),
        _ => Err(Error::invalid(format!(
            "top must be a number from 1 to {MAX_LISTED}"
        ))),
    }
}

async fn list(
    caller: Caller,
    State(services): State<Arc<Services>>,
    parameters: QueryParameters,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::RegistryRead)?;
    let top = top(&parameters)?;
    let devices = services.hub.devices();
    let devices: Vec<_> = devices.iter().take(top).map(Device::to_json).collect();
    Ok(Json(devices).into_response())
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::RegistryRead)?;
    Ok(response(&services.hub.device(&id)?))
}

/// Creates without `If-Match`, updates with it.
async fn write(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::RegistryWrite)?;
    let mut spec: DeviceSpec = body::json(request).await?;
    if spec.device_id.is_empty() {
        spec.device_id.clone_from(&id);
    }
    if spec.device_id != id {
        let message = "deviceId in the body differs from the one in the path";
        return Err(Error::invalid(message).into());
    }
    let device = match if_match(&headers) {
        None => services.hub.create_device(spec)?,
        etag => services.hub.update_device(spec, etag)?,
    };
    Ok(response(&device))
}

async fn remove(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode, RegistryProblem> {
    caller.require(Permission::RegistryWrite)?;
    services.hub.delete_device(&id, if_match(&headers))?;
    Ok(StatusCode::NO_CONTENT)
}

fn response(device: &Device) -> Response {
    super::with_etag(&device.etag, device.to_json())
}
