//! `/api/models/{id}`: what a device of a model can say and do.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use dtdl::Dtmi;
use serde_json::Value;

use super::Services;
use super::auth::{Caller, Right};
use super::parameters::Id;
use super::problem::Problem;
use crate::error::HubError;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/models/{id}", get(read))
}

/// Every interface of the model, as DTDL has it.
async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Json<Vec<Value>>, Problem> {
    caller.may(Right::RegistryRead)?;
    let id: Dtmi = id.parse().map_err(|error| {
        HubError::ArgumentInvalid(format!("{id:?} is no identifier of a model: {error}"))
    })?;
    let documents = services.models.documents(&id);
    let documents = documents.map_err(|error| HubError::ModelNotFound(error.to_string()))?;
    Ok(Json(documents))
}
