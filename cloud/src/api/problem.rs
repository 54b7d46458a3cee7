//! What went wrong, in the three shapes Azure says it.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Error;
use crate::hub;

const NAME_HEADER: HeaderName = HeaderName::from_static("iothub-errorcode");

/// Registry and twins: `{"Message": "ErrorCode:DeviceNotFound;thermostat-9", "ExceptionMessage": …}`.
///
/// Microsoft's tools read the name out of the text.
#[derive(Debug)]
pub(super) struct RegistryProblem(Error);

/// Methods: the newer shape as a string inside `Message`.
#[derive(Debug)]
pub(super) struct MethodProblem(Error);

/// Newer endpoints: `{"errorCode": 404201, "message": …, "trackingId": …, "timestampUtc": …}`.
#[derive(Debug)]
pub(super) struct Problem(Error);

impl<E: Into<Error>> From<E> for RegistryProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<Error>> From<E> for MethodProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// A refusal that comes before an endpoint, or instead of one, in the shape of the service this path belongs to.
pub(super) fn at(path: &str, error: Error) -> Response {
    let provisioning = ["/enrollments", "/enrollmentGroups", "/registrations"];
    match provisioning.iter().any(|head| path.starts_with(head)) {
        true => Problem(error).into_response(),
        false => RegistryProblem(error).into_response(),
    }
}

/// Nothing here has this address, as ASP.NET says it, on which Azure's services stand.
pub(super) async fn no_such_path(uri: Uri) -> Response {
    let message = format!("No HTTP resource was found that matches the request URI '{uri}'.");
    (StatusCode::NOT_FOUND, Json(json!({"Message": message}))).into_response()
}

/// What has this address does not do this.
pub(super) async fn no_such_method(method: Method) -> Response {
    let message = format!("The requested resource does not support http method '{method}'.");
    let body = Json(json!({"Message": message}));
    (StatusCode::METHOD_NOT_ALLOWED, body).into_response()
}

impl IntoResponse for RegistryProblem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let body = json!({
            "Message": format!("ErrorCode:{};{}", error.name(), registry_text(&error)),
            "ExceptionMessage": format!(
                "Tracking ID:{}-G:0-TimeStamp:{}",
                tracking_id(),
                Timestamp::now().strftime("%m/%d/%Y %H:%M:%S"),
            ),
        });
        answer(&error, body)
    }
}

impl IntoResponse for MethodProblem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        if error == Error::Unauthorized {
            return RegistryProblem(error).into_response();
        }
        let mut message = newer(&error, &method_text(&error));
        if let (Some(message), Some(info)) = (message.as_object_mut(), method_info(&error)) {
            message.insert("info".into(), info);
        }
        let body = json!({"Message": message.to_string(), "ExceptionMessage": ""});
        answer(&error, body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let body = newer(&error, &text(&error));
        answer(&error, body)
    }
}

/// The answer to a request for `path` of someone who may not ask.
pub(crate) fn unauthorized(path: &str) -> Response {
    at(path, Error::Unauthorized)
}

fn answer(error: &Error, body: Value) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(NAME_HEADER, error.name())], Json(body)).into_response()
}

fn newer(error: &Error, message: &str) -> Value {
    json!({
        "errorCode": error.code(),
        "trackingId": format!("{}-G:0", tracking_id()),
        "message": message,
        "timestampUtc": Timestamp::now().to_string(),
    })
}

/// Tells one request from all others.
pub(super) fn tracking_id() -> String {
    format!("{:032X}", rand::random::<u128>())
}

/// Where Azure's text is known, it is Azure's.
fn text(error: &Error) -> String {
    match error {
        Error::Unauthorized => "Unauthorized".into(),
        Error::InvalidProtocolVersion => "BadRequest".into(),
        other => other.to_string(),
    }
}

fn registry_text(error: &Error) -> String {
    match error {
        Error::Hub(hub::Error::DeviceNotFound(id)) => id.clone(),
        Error::Hub(hub::Error::DeviceAlreadyExists(id)) => {
            format!("A device with ID '{id}' is already registered.")
        }
        Error::Hub(hub::Error::PreconditionFailed { existing, given }) => format!(
            "Precondition failed: Device version did not match, existingVersion:{existing} newVersion:{given}"
        ),
        other => text(other),
    }
}

fn method_text(error: &Error) -> String {
    match error {
        Error::Hub(hub::Error::DeviceNotFound(_)) => "Not registered".into(),
        Error::Hub(hub::Error::DeviceNotOnline { .. }) => "The operation failed because the requested device isn't online. To learn more, see https://aka.ms/iothub404103".into(),
        Error::Hub(hub::Error::GatewayTimeout) => "Timed out waiting for the response from device.".into(),
        other => text(other),
    }
}

fn method_info(error: &Error) -> Option<Value> {
    match error {
        Error::Hub(hub::Error::DeviceNotOnline { waited }) => {
            Some(json!({"timeout": clock(*waited)}))
        }
        Error::Hub(hub::Error::GatewayTimeout) => Some(json!({})),
        _ => None,
    }
}

fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}
