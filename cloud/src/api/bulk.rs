//! `POST /devices`: bulk operations on up to a hundred devices, each on its own.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body,
    problem::RegistryProblem,
};
use crate::{
    hub::{Authentication, Capabilities, DeviceSpec, Hub, twin::TwinPatch},
    identity::Status,
    json::{JsonValue, object},
};

/// The largest number of devices in a request, as in Azure.
const MAX_DEVICES: usize = 100;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/devices", post(change))
}

/// One operation of a bulk request, with Azure's name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportImportDevice {
    id: String,
    module_id: Option<String>,
    import_mode: Option<String>,
    #[serde(rename = "eTag", alias = "etag")]
    etag: Option<String>,
    status: Option<Status>,
    status_reason: Option<String>,
    authentication: Option<Authentication>,
    capabilities: Option<Capabilities>,
    #[serde(rename = "twinETag", alias = "twinEtag")]
    twin_etag: Option<String>,
    tags: Option<JsonValue>,
    properties: Option<JsonValue>,
}

/// The parsed `importMode`: an action, and whether the etags must match.
struct ImportMode {
    action: Action,
    if_match: bool,
}

#[derive(Clone, Copy)]
enum Action {
    Create,
    Update,
    CreateOrUpdate,
    Delete,
    UpdateTwin,
}

async fn change(
    caller: Caller,
    State(services): State<Arc<Services>>,
    request: Request,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::RegistryWrite)?;
    let operations: Vec<ExportImportDevice> = body::json(request).await?;
    if !(1..=MAX_DEVICES).contains(&operations.len()) {
        let message = format!(
            "expected 1 to {MAX_DEVICES} devices, found {}",
            operations.len()
        );
        return Err(Error::invalid(message).into());
    }
    let mut seen = BTreeSet::new();
    let failures = operations.into_iter().filter_map(|operation| {
        let id = operation.id.clone();
        if !seen.insert(id.clone()) {
            return Some(failure(
                &id,
                "DeviceDefinedMultipleTimes",
                "the device is listed more than once",
            ));
        }
        let error = operation.execute(&services.hub).err()?;
        Some(failure(&id, error.name(), &error.to_string()))
    });
    Ok(response(failures.collect()))
}

fn failure(id: &str, code: &str, message: &str) -> Value {
    json!({"deviceId": id, "errorCode": code, "errorStatus": message})
}

/// Makes the response: 400 if any operation failed, though the others took effect.
fn response(errors: Vec<Value>) -> Response {
    let succeeded = errors.is_empty();
    let body = Json(json!({"isSuccessful": succeeded, "errors": errors, "warnings": []}));
    match succeeded {
        true => body.into_response(),
        false => {
            let name = [("iothub-errorcode", "BulkRegistryOperationFailure")];
            (StatusCode::BAD_REQUEST, name, body).into_response()
        }
    }
}

impl ExportImportDevice {
    fn execute(self, hub: &Hub) -> Result<(), Error> {
        let mode = ImportMode::parse(self.import_mode.as_deref())?;
        if self.module_id.is_some() {
            let message = "modules are not supported: remove moduleId";
            return Err(Error::invalid(message));
        }
        let matching =
            |etag: &Option<String>| mode.if_match.then(|| etag.clone().unwrap_or_default());
        let (etag, twin_etag) = (matching(&self.etag), matching(&self.twin_etag));
        let twin = self.twin()?;
        match mode.action {
            Action::Create => drop(hub.create_with_twin(self.spec(), twin)?),
            Action::Update => drop(hub.update_device(self.spec(), etag.as_deref())?),
            Action::CreateOrUpdate if hub.device(&self.id).is_err() => {
                drop(hub.create_with_twin(self.spec(), twin)?);
            }
            Action::CreateOrUpdate => {
                hub.update_device(self.spec(), etag.as_deref())?;
                if let Some(twin) = twin {
                    hub.patch_twin(&self.id, twin, None)?;
                }
            }
            Action::Delete => hub.delete_device(&self.id, etag.as_deref())?,
            Action::UpdateTwin => {
                let twin = twin.unwrap_or_default();
                hub.patch_twin(&self.id, twin, twin_etag.as_deref())?;
            }
        }
        Ok(())
    }

    /// Returns the device identity.
    fn spec(&self) -> DeviceSpec {
        let mut spec = DeviceSpec::new(&self.id);
        spec.status = self.status.unwrap_or_default();
        spec.status_reason.clone_from(&self.status_reason);
        spec.authentication = self.authentication.clone().unwrap_or_default();
        spec.capabilities.clone_from(&self.capabilities);
        spec
    }

    /// Returns the tags and desired properties, if there are any. Reported properties are the device's own, and are ignored.
    fn twin(&self) -> Result<Option<TwinPatch>, Error> {
        let twin = object([
            ("tags", self.tags.clone().into()),
            ("properties", self.properties.clone().into()),
        ]);
        let twin = TwinPatch::from_json(&twin.into())?;
        Ok((twin != TwinPatch::default()).then_some(twin))
    }
}

impl ImportMode {
    /// Parses a mode in any case, because Microsoft's SDKs do not agree on it.
    fn parse(name: Option<&str>) -> Result<Self, Error> {
        let name = name.unwrap_or("createOrUpdate").to_ascii_lowercase();
        let (action, if_match) = match name.strip_suffix("ifmatchetag") {
            Some(action) => (action, true),
            None => (name.as_str(), false),
        };
        let action = match action {
            "create" if !if_match => Action::Create,
            "update" => Action::Update,
            "createorupdate" => Action::CreateOrUpdate,
            "delete" => Action::Delete,
            "updatetwin" => Action::UpdateTwin,
            _ => {
                return Err(Error::invalid(format!(
                    "invalid importMode {name:?}: expected create, update, createOrUpdate, delete or updateTwin"
                )));
            }
        };
        Ok(Self { action, if_match })
    }
}
