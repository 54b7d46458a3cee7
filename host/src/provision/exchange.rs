//! The exchange with the Device Provisioning Service, as a state machine without I/O.
//!
//! Source: "Communicate with your DPS using the MQTT protocol" of the Azure IoT documentation.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::{
    dps::{Assignment, Registration},
    error::{ProvisionError, RejectionReason, printable},
    response::{OperationStatus, ResponseTopic, ServiceError},
    sas::quote,
};
use crate::cause::Cause;

/// The time between two requests if the service sends no `retry-after`.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The least time between two requests, for a service that sends `retry-after=0` forever.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The least delay after an error of the service itself.
const SERVER_ERROR_DELAY: Duration = Duration::from_secs(5);
/// The length limit of an operation id, in bytes: it is sent back in a topic. The service's own have about 60.
const MAX_OPERATION_ID_LENGTH: usize = 1024;

/// One registration on one connection.
pub(super) struct Exchange<'a> {
    registration: &'a Registration,
    /// The Plug and Play model the device announces.
    model_id: &'a str,
    /// The `$rid` of the last request.
    request: u64,
    /// The operation to poll, once the service has named it.
    operation: Option<String>,
    /// A response is pending: at first the one to the subscription.
    awaiting_response: bool,
}

/// The next action of the caller.
#[derive(Debug, PartialEq)]
pub(super) enum ExchangeStep {
    /// Send this with QoS 1, and call [`Exchange::on_timer`] without a response within [`Exchange::RESPONSE_TIMEOUT`].
    Send { topic: String, payload: Bytes },
    /// Call [`Exchange::on_timer`] after this time.
    Wait(Duration),
    /// Continue as before.
    Continue,
    /// The registration is over.
    Done(Result<Assignment, ProvisionError>),
}

impl<'a> Exchange<'a> {
    pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

    /// The requests are numbered from `first`. A random one tells answers to an earlier connection from those to this.
    pub(super) fn new(registration: &'a Registration, model_id: &'a str, first: u32) -> Self {
        Self {
            registration,
            model_id,
            request: u64::from(first),
            operation: None,
            awaiting_response: true,
        }
    }

    /// Notes that the subscription is granted.
    pub(super) fn subscribed(&mut self) -> ExchangeStep {
        self.send_request()
    }

    /// Handles the end of a delay, or a response that is overdue.
    pub(super) fn on_timer(&mut self) -> ExchangeStep {
        if self.awaiting_response {
            let seconds = Self::RESPONSE_TIMEOUT.as_secs();
            let why = format!("no response within {seconds} s");
            return self.fail(None, Cause::TimedOut, &why);
        }
        self.send_request()
    }

    /// Ends an exchange without an assignment after this time.
    pub(super) fn assignment_timed_out(&self, within: Duration) -> ExchangeStep {
        let minutes = within.as_secs() / 60;
        let why = format!("no assignment within {minutes} minutes");
        self.fail(None, Cause::Provisioning, &why)
    }

    /// Handles a message. One that is no response to the last request is ignored.
    pub(super) fn message(&mut self, topic: &str, payload: &[u8]) -> ExchangeStep {
        match ResponseTopic::parse(topic) {
            Some(header)
                if self.awaiting_response && header.request == format!("{:x}", self.request) =>
            {
                self.awaiting_response = false;
                self.answer(&header, payload)
            }
            _ => ExchangeStep::Continue,
        }
    }

    fn send_request(&mut self) -> ExchangeStep {
        self.awaiting_response = true;
        self.request += 1;
        let request = self.request;
        let registrations = "$dps/registrations";
        match &self.operation {
            None => ExchangeStep::Send {
                topic: format!("{registrations}/PUT/iotdps-register/?$rid={request:x}"),
                payload: self.request_to_register(),
            },
            Some(operation) => ExchangeStep::Send {
                topic: format!(
                    "{registrations}/GET/iotdps-get-operationstatus/?$rid={request:x}&operationId={}",
                    quote(operation)
                ),
                payload: Bytes::new(),
            },
        }
    }

    fn request_to_register(&self) -> Bytes {
        let body = json!({
            "registrationId": self.registration.registration_id, "payload": {"modelId": self.model_id},
        });
        body.to_string().into()
    }

    fn answer(&mut self, header: &ResponseTopic<'_>, payload: &[u8]) -> ExchangeStep {
        let status = header.status;
        match status {
            200..=299 => match serde_json::from_slice(payload) {
                Ok(answer) => self.progress(answer, header.retry_after),
                Err(error) => {
                    // It may quote the answer.
                    let error = printable(&error.to_string());
                    self.retry(header.retry_after, &format!("invalid response: {error}"))
                }
            },
            // A body that is not understood takes nothing from the status.
            400 | 401 | 404 => {
                let error: ServiceError = serde_json::from_slice(payload).unwrap_or_default();
                ExchangeStep::Done(Err(self.registration.rejected(RejectionReason::Status {
                    status,
                    code: error.error_code,
                    message: error.message(),
                })))
            }
            500..=599 => {
                let pause = header
                    .retry_after
                    .unwrap_or_default()
                    .max(SERVER_ERROR_DELAY);
                self.retry(Some(pause), &format!("response with status {status}"))
            }
            _ => {
                let cause = match status {
                    429 => Cause::Throttled,
                    _ => Cause::Provisioning,
                };
                let why = format!("response with status {status}");
                self.fail(header.retry_after, cause, &why)
            }
        }
    }

    fn progress(&mut self, answer: OperationStatus, retry_after: Option<Duration>) -> ExchangeStep {
        let OperationStatus {
            operation_id,
            status,
            registration_state,
        } = answer;
        match status.as_str() {
            "assigning" => {
                self.operation = operation_id.or(self.operation.take());
                match &self.operation {
                    Some(operation) if operation.len() <= MAX_OPERATION_ID_LENGTH => {
                        let pause = retry_after.unwrap_or(POLL_INTERVAL);
                        ExchangeStep::Wait(pause.max(MIN_POLL_INTERVAL))
                    }
                    _ => self.retry(retry_after, "response without a usable operationId"),
                }
            }
            "assigned" => match registration_state.assignment() {
                Some(Ok(assignment)) => ExchangeStep::Done(Ok(assignment)),
                Some(Err((id, error))) => {
                    let endpoint = &self.registration.endpoint;
                    ExchangeStep::Done(Err(ProvisionError::Unusable(format!(
                        "{endpoint} assigned the unusable DeviceId \"{id}\": {error}"
                    ))))
                }
                None => {
                    let why = "assignment without a usable hub and device ID";
                    self.retry(retry_after, why)
                }
            },
            "failed" => self.ended("failed", &registration_state.failure),
            "disabled" => self.ended("disabled", &registration_state.failure),
            other => {
                let other = printable(other);
                self.retry(
                    retry_after,
                    &format!("response with unknown status `{other}`"),
                )
            }
        }
    }

    fn ended(&self, state: &'static str, failure: &ServiceError) -> ExchangeStep {
        ExchangeStep::Done(Err(self.registration.rejected(RejectionReason::State {
            state,
            code: failure.error_code,
            message: failure.message(),
        })))
    }

    fn retry(&self, after: Option<Duration>, what: &str) -> ExchangeStep {
        self.fail(after, Cause::Provisioning, what)
    }

    fn fail(&self, after: Option<Duration>, cause: Cause, what: &str) -> ExchangeStep {
        ExchangeStep::Done(Err(self.registration.retry(after, cause, what)))
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
