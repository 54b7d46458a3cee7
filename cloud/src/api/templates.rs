//! `/api/templates`: views of the devices of a model.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::IF_NONE_MATCH},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body::{self, if_match},
    models::dtmi,
    parameters::Id,
    problem::Problem,
};
use crate::templates::{Template, TemplateSummary, View};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/templates", get(list))
        .route(
            "/api/templates/{id}",
            get(read).put(save_draft).delete(remove),
        )
        .route("/api/templates/{id}/publish", post(publish))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    views: Vec<View>,
}

async fn list(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Vec<TemplateSummary>>, Problem> {
    caller.require(Permission::RegistryRead)?;
    Ok(Json(services.templates.list()))
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    caller.require(Permission::RegistryRead)?;
    Ok(response(&services.templates.get(&dtmi(&id)?)?))
}

async fn save_draft(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Permission::RegistryWrite)?;
    let draft: Value = body::json(request).await?;
    let draft: Draft = serde_json::from_value(draft)
        .map_err(|error| Error::invalid(format!("invalid request body: {error}")))?;
    let (templates, model) = (&services.templates, dtmi(&id)?);
    let template = match headers.contains_key(IF_NONE_MATCH) {
        true => templates.create(&model, draft.views),
        false => templates.save_draft(&model, draft.views, if_match(&headers)),
    };
    Ok(response(&template?))
}

async fn publish(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Permission::RegistryWrite)?;
    Ok(response(
        &services
            .templates
            .publish(&dtmi(&id)?, if_match(&headers))?,
    ))
}

async fn remove(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Permission::RegistryWrite)?;
    services.templates.remove(&dtmi(&id)?, if_match(&headers))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn response(template: &Template) -> Response {
    super::with_etag(&template.etag(), json(template))
}

fn json(template: &Template) -> Value {
    json!({
        "model": template.model,
        "etag": template.etag(),
        "draft": template.draft,
        "versions": template.versions,
    })
}
