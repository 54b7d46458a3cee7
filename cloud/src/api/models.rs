//! `/api/models`: what devices of each model can say and do.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::routing::get;
use axum::{Json, Router};
use dtdl::Dtmi;
use serde_json::{Value, json};

use super::Error;
use super::Services;
use super::auth::{Caller, Right};
use super::body;
use super::parameters::Id;
use super::problem::Problem;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/models", get(list))
        .route("/api/models/{id}", get(read).put(add))
}

/// The identifiers of all interfaces, and what files of the directory cannot be used, and why.
async fn list(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::RegistryRead)?;
    let models = services.models.list()?;
    let broken: Vec<_> = models.broken.iter().map(ToString::to_string).collect();
    Ok(Json(json!({"ids": models.ids, "broken": broken})))
}

/// Every interface of the model, as DTDL has it.
async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Json<Vec<Value>>, Problem> {
    caller.may(Right::RegistryRead)?;
    documents(&services, &dtmi(&id)?)
}

/// Adds a model: an interface, or an array of those it needs too.
async fn add(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    request: Request,
) -> Result<Json<Vec<Value>>, Problem> {
    caller.may(Right::RegistryWrite)?;
    let document: Value = body::json(request).await?;
    let id = dtmi(&id)?;
    services.models.add(&id, &document)?;
    documents(&services, &id)
}

fn documents(services: &Services, id: &Dtmi) -> Result<Json<Vec<Value>>, Problem> {
    Ok(Json(services.models.documents(id)?))
}

/// The identifier of a model.
pub(super) fn dtmi(id: &str) -> Result<Dtmi, Error> {
    id.parse()
        .map_err(|error| Error::invalid(format!("{id:?} is no identifier of a model: {error}")))
}
