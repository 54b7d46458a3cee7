//! `/api/models`: device models in DTDL.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    routing::get,
};
use dtdl::Dtmi;
use serde_json::{Value, json};

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body,
    parameters::Id,
    problem::Problem,
};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/models", get(list))
        .route("/api/models/{id}", get(read).put(add))
}

/// Lists the identifiers of all interfaces, and the invalid files of the directory with the reason; `pending` while files are
/// still being read.
async fn list(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::RegistryRead)?;
    let models = services.models.list().await;
    let broken: Vec<_> = models.broken.iter().map(ToString::to_string).collect();
    Ok(Json(
        json!({"ids": models.ids, "broken": broken, "pending": models.pending}),
    ))
}

/// Returns the interfaces of the model in DTDL.
async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Json<Vec<Value>>, Problem> {
    caller.require(Permission::RegistryRead)?;
    documents(&services, &dtmi(&id)?)
}

/// Adds a model: an interface, or an array with the interfaces it needs.
async fn add(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    request: Request,
) -> Result<Json<Vec<Value>>, Problem> {
    caller.require(Permission::RegistryWrite)?;
    let document: Value = body::json(request).await?;
    let id = dtmi(&id)?;
    services.models.add(&id, &document)?;
    documents(&services, &id)
}

fn documents(services: &Services, id: &Dtmi) -> Result<Json<Vec<Value>>, Problem> {
    Ok(Json(services.models.documents(id)?))
}

/// Parses the identifier of a model.
///
/// # Errors
/// `ArgumentInvalid`.
pub(super) fn dtmi(id: &str) -> Result<Dtmi, Error> {
    id.parse::<Dtmi>()
        .map_err(|error| Error::invalid(error.to_string()))
}
