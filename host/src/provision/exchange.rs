//! The conversation with the device provisioning service, as a state machine without input and output of its own.
//!
//! Source: "Communicate with your DPS using the MQTT protocol" of the Azure IoT documentation.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::{
    answer::{Body, Failure, Header},
    dps::{Assignment, Registration},
    error::{ProvisionError, Reason, printable},
    sas::quote,
};
use crate::hub::reconnect::Cause;

/// Between two questions when the service names no time.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Between two questions at least, so that a service that says 0 for ever is not asked as fast as the network goes.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The least pause after an error of the service itself.
const SERVER_ERROR_PAUSE: Duration = Duration::from_secs(5);
/// The longest operation id that is believed, in bytes: it goes back in a topic. The service's own have about 60.
const LONGEST_OPERATION: usize = 1024;

/// One registration on one connection.
pub(super) struct Exchange<'a> {
    registration: &'a Registration,
    /// What the device announces to be.
    model_id: &'a str,
    /// Ties an answer to its question.
    request: u64,
    /// What to ask for, once the service works on it.
    operation: Option<String>,
    /// Whether an answer is due: at first the one to the subscription.
    asked: bool,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Send this with QoS 1, and call [`Exchange::timer`] if no answer has come within [`Exchange::ANSWER_WITHIN`].
    Ask { topic: String, payload: Bytes },
    /// Call [`Exchange::timer`] after this time.
    Wait(Duration),
    /// Go on as before.
    Nothing,
    /// The registration is over.
    End(Result<Assignment, ProvisionError>),
}

impl<'a> Exchange<'a> {
    pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

    /// The requests are numbered from `first`. A random one tells answers to an earlier connection from those to this.
    pub(super) fn new(registration: &'a Registration, model_id: &'a str, first: u32) -> Self {
        Self {
            registration,
            model_id,
            request: u64::from(first),
            operation: None,
            asked: true,
        }
    }

    /// The service will deliver its answers.
    pub(super) fn subscribed(&mut self) -> Step {
        self.ask()
    }

    /// A pause is over, or an answer has not come in time.
    pub(super) fn timer(&mut self) -> Step {
        if self.asked {
            let seconds = Self::ANSWER_WITHIN.as_secs();
            let why = format!("no answer within {seconds} s");
            return self.fail(None, Cause::TimedOut, &why);
        }
        self.ask()
    }

    /// The service has had this long, and has not decided.
    pub(super) fn undecided(&self, within: Duration) -> Step {
        let minutes = within.as_secs() / 60;
        let why = format!("it has not assigned the device to a hub within {minutes} minutes");
        self.fail(None, Cause::Provisioning, &why)
    }

    /// A message has come. One that answers no question of this exchange is passed over.
    pub(super) fn message(&mut self, topic: &str, payload: &[u8]) -> Step {
        match Header::parse(topic) {
            Some(header) if self.asked && header.request == format!("{:x}", self.request) => {
                self.asked = false;
                self.answer(&header, payload)
            }
            _ => Step::Nothing,
        }
    }

    fn ask(&mut self) -> Step {
        self.asked = true;
        self.request += 1;
        let request = self.request;
        let registrations = "$dps/registrations";
        match &self.operation {
            None => Step::Ask {
                topic: format!("{registrations}/PUT/iotdps-register/?$rid={request:x}"),
                payload: self.request_to_register(),
            },
            Some(operation) => Step::Ask {
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

    fn answer(&mut self, header: &Header<'_>, payload: &[u8]) -> Step {
        let status = header.status;
        match status {
            200..=299 => match serde_json::from_slice(payload) {
                Ok(answer) => self.progress(answer, header.retry_after),
                Err(error) => {
                    // It may quote the answer.
                    let error = printable(&error.to_string());
                    self.try_again(
                        header.retry_after,
                        &format!("its answer is not understood: {error}"),
                    )
                }
            },
            // A body that is not understood takes nothing from the status.
            400 | 401 | 404 => {
                let error: Failure = serde_json::from_slice(payload).unwrap_or_default();
                Step::End(Err(self.registration.refused(Reason::Status {
                    status,
                    code: error.error_code,
                    message: error.message(),
                })))
            }
            500..=599 => {
                let pause = header
                    .retry_after
                    .unwrap_or_default()
                    .max(SERVER_ERROR_PAUSE);
                self.try_again(Some(pause), &format!("it answered with status {status}"))
            }
            _ => {
                let cause = match status {
                    429 => Cause::Busy,
                    _ => Cause::Provisioning,
                };
                let why = format!("it answered with status {status}");
                self.fail(header.retry_after, cause, &why)
            }
        }
    }

    fn progress(&mut self, answer: Body, retry_after: Option<Duration>) -> Step {
        let Body {
            operation_id,
            status,
            registration_state,
        } = answer;
        match status.as_str() {
            "assigning" => {
                self.operation = operation_id.or(self.operation.take());
                match &self.operation {
                    Some(operation) if operation.len() <= LONGEST_OPERATION => {
                        let pause = retry_after.unwrap_or(ASK_AGAIN_AFTER);
                        Step::Wait(pause.max(SHORTEST_PAUSE))
                    }
                    _ => self.try_again(retry_after, "its answer has no usable operationId"),
                }
            }
            "assigned" => match registration_state.assignment() {
                Some(assignment) => Step::End(Ok(assignment)),
                None => {
                    let why = "it assigned the device to no usable hub and device id";
                    self.try_again(retry_after, why)
                }
            },
            "failed" => self.ended("failed", &registration_state.failure),
            "disabled" => self.ended("disabled", &registration_state.failure),
            other => {
                let other = printable(other);
                self.try_again(
                    retry_after,
                    &format!("it answered with the state `{other}`"),
                )
            }
        }
    }

    fn ended(&self, state: &'static str, failure: &Failure) -> Step {
        Step::End(Err(self.registration.refused(Reason::State {
            state,
            code: failure.error_code,
            message: failure.message(),
        })))
    }

    fn try_again(&self, after: Option<Duration>, what: &str) -> Step {
        self.fail(after, Cause::Provisioning, what)
    }

    fn fail(&self, after: Option<Duration>, cause: Cause, what: &str) -> Step {
        Step::End(Err(self.registration.try_again(after, cause, what)))
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
