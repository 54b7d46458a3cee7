//! The HTTP mapping of errors: status, header and one of Azure's three bodies.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderName, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
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

/// Makes the response for an error outside of an endpoint, with the body of the service that the path belongs to.
pub(super) fn response_for(path: &str, error: Error) -> Response {
    let provisioning = ["/enrollments", "/enrollmentGroups", "/registrations"];
    match provisioning.iter().any(|head| path.starts_with(head)) {
        true => Problem(error).into_response(),
        false => RegistryProblem(error).into_response(),
    }
}

/// Answers an unknown path as ASP.NET does, on which Azure's services are built.
pub(super) async fn no_such_path(uri: Uri) -> Response {
    let message = format!("No HTTP resource was found that matches the request URI '{uri}'.");
    (StatusCode::NOT_FOUND, Json(json!({"Message": message}))).into_response()
}

/// Answers a wrong method as ASP.NET does.
pub(super) async fn no_such_method(method: Method) -> Response {
    let message = format!("The requested resource does not support http method '{method}'.");
    let body = Json(json!({"Message": message}));
    (StatusCode::METHOD_NOT_ALLOWED, body).into_response()
}

impl IntoResponse for RegistryProblem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let body = json!({
            "Message": format!("ErrorCode:{};{}", error.name(), registry_message(&error)),
            "ExceptionMessage": format!(
                "Tracking ID:{}-G:0-TimeStamp:{}",
                tracking_id(),
                Timestamp::now().strftime("%m/%d/%Y %H:%M:%S"),
            ),
        });
        response(&error, body)
    }
}

impl IntoResponse for MethodProblem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        if error == Error::Unauthorized {
            return RegistryProblem(error).into_response();
        }
        let mut message = newer_body(&error, &method_message(&error));
        if let (Some(message), Some(info)) = (message.as_object_mut(), method_info(&error)) {
            message.insert("info".into(), info);
        }
        let body = json!({"Message": message.to_string(), "ExceptionMessage": ""});
        response(&error, body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let body = newer_body(&error, &message(&error));
        response(&error, body)
    }
}

/// Makes the response for a caller without permission.
pub(crate) fn unauthorized(path: &str) -> Response {
    response_for(path, Error::Unauthorized)
}

fn response(error: &Error, body: Value) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(NAME_HEADER, error.name())], Json(body)).into_response()
}

fn newer_body(error: &Error, message: &str) -> Value {
    json!({
        "errorCode": error.code(),
        "trackingId": format!("{}-G:0", tracking_id()),
        "message": message,
        "timestampUtc": Timestamp::now().to_string(),
    })
}

/// Returns a unique id for a request.
pub(super) fn tracking_id() -> String {
    format!("{:032X}", rand::random::<u128>())
}

/// Returns the message: Azure's own where it is known.
fn message(error: &Error) -> String {
    match error {
        Error::Unauthorized => "Unauthorized".into(),
        Error::InvalidProtocolVersion => "BadRequest".into(),
        other => other.to_string(),
    }
}

fn registry_message(error: &Error) -> String {
    match error {
        Error::Hub(hub::Error::DeviceNotFound(id)) => id.clone(),
        Error::Hub(hub::Error::DeviceAlreadyExists(id)) => {
            format!("A device with ID '{id}' is already registered.")
        }
        Error::Hub(hub::Error::PreconditionFailed { existing, given }) => format!(
            "Precondition failed: Device version did not match, existingVersion:{existing} newVersion:{given}"
        ),
        other => message(other),
    }
}

fn method_message(error: &Error) -> String {
    match error {
        Error::Hub(hub::Error::DeviceNotFound(_)) => "Not registered".into(),
        Error::Hub(hub::Error::DeviceNotOnline { .. }) => "The operation failed because the requested device isn't online. To learn more, see https://aka.ms/iothub404103".into(),
        Error::Hub(hub::Error::GatewayTimeout) => "Timed out waiting for the response from device.".into(),
        other => message(other),
    }
}

fn method_info(error: &Error) -> Option<Value> {
    match error {
        Error::Hub(hub::Error::DeviceNotOnline { waited }) => {
            Some(json!({"timeout": hours_minutes_seconds(*waited)}))
        }
        Error::Hub(hub::Error::GatewayTimeout) => Some(json!({})),
        _ => None,
    }
}

fn hours_minutes_seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}
