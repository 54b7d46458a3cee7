//! A session with IoT Hub on one connection: requests, messages in flight, and incoming events.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    message::TelemetryMessage,
    reply::Reply,
    topic::{self, Topic},
};
use crate::{
    mqtt::{Delivery, Incoming, Link, LinkError, Receipt},
    text,
    units::format_duration,
};

/// The number of messages in flight, including acknowledged ones whose removal is not persisted yet: as many may arrive
/// twice after a lost connection or process.
pub const WINDOW: usize = 32;
/// The span of message numbers in flight, from the oldest unacknowledged one.
const MAX_IN_FLIGHT_SPAN: u64 = WINDOW as u64;
/// The size of unsent packets above which no further message is handed over, in bytes: acknowledgments are expected from the
/// time of handing over, and a slow link takes long for a whole window of large messages.
const MAX_UNSENT: usize = 128 << 10;
/// The time after which a connection without a PUBACK counts as dead; the keep-alive, if that is shorter.
const PUBACK_TIMEOUT: Duration = Duration::from_secs(60);
/// The time after which a twin request is repeated, and a connection without a SUBACK counts as dead; the keep-alive, if
/// that is shorter.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The delays after a throttled or failed twin request: the first, doubled with each further one in a row up to the second.
const TWIN_RETRY_DELAYS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(160));
/// The size limit of a reported PATCH, in bytes. IoT Hub accepts 32 KB, without counting the punctuation.
const MAX_REPORT_PACKET: usize = 256 << 10;
/// The logged length of an unexpected topic, in bytes.
const MAX_LOGGED_TOPIC: usize = 200;

/// The next item to send.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// A message, with its id in the outbox.
    Telemetry(u64, &'a TelemetryMessage),
    /// A report, with its id in the outbox.
    Report(u64, &'a Map<String, Value>),
}

/// The items that a session sends. An item stays until the hub has acknowledged it.
pub trait SendQueue {
    /// Returns the next item of the batches up to `accepted`; reports only if `reports` is set.
    fn next(&self, accepted: u64, reports: bool, now: Duration) -> Option<Next<'_>>;

    /// Notes that the message or report with this id was sent.
    fn sent(&mut self, id: u64, now: Duration);

    /// Removes an item that the hub has acknowledged.
    fn acknowledge(&mut self, id: u64);

    /// Notes that the report in flight was not accepted and is to be sent again.
    fn rewind_reports(&mut self);
}

/// An event of a session for the device.
#[derive(Debug, PartialEq)]
pub enum HubEvent {
    /// The hub will deliver commands, desired properties and, if asked for, messages.
    Subscribed,
    /// The whole twin, as the hub holds it.
    Twin(Bytes),
    /// A change of desired properties.
    DesiredPatch {
        /// Its `$version`.
        version: u64,
        /// The change.
        body: Bytes,
    },
    /// A command; the answer goes to [`Session::reply`] with the same request id.
    Command {
        /// The `$rid` of the request.
        request: String,
        /// Name of the method.
        name: String,
        /// The request as sent.
        payload: Bytes,
    },
    /// A cloud-to-device message, to be acknowledged with [`Session::acknowledge`].
    Message {
        /// The receipt for the acknowledgment.
        receipt: Option<Receipt>,
        /// Its properties.
        properties: Vec<(String, String)>,
        /// Its body.
        body: Bytes,
    },
    /// The hub has acknowledged a telemetry message.
    Acknowledged,
    /// The hub has rejected reported properties for good; they are to be removed from the queue.
    ReportRejected {
        /// Their id in the queue.
        id: u64,
        /// The status it gave.
        status: u16,
    },
}

/// A standing connection to a hub.
pub struct Session<L> {
    link: L,
    device_id: String,
    puback_timeout: Duration,
    response_timeout: Duration,
    subscribed: bool,
    /// Nothing more is sent, because the connection is about to be replaced.
    on_hold: bool,
    /// The hub has returned the twin on this connection.
    twin_received: bool,
    /// The hub has acknowledged a message on this connection.
    acknowledged: bool,
    /// The time by which the hub must have granted the topics.
    suback_deadline: Duration,
    next_number: u64,
    in_flight: BTreeMap<u64, InFlight>,
    report: ReportRequest,
    twin: TwinRequest,
    /// Requests to the twin in a row that were throttled or failed.
    failures: u32,
    last_request: u64,
}

struct InFlight {
    id: u64,
    sent: Duration,
}

/// Reports go one at a time, so that a throttled one is not overtaken by a later one.
enum ReportRequest {
    Idle,
    Requested {
        request: String,
        id: u64,
        deadline: Duration,
    },
    Paused {
        until: Duration,
    },
}

enum TwinRequest {
    Idle,
    Requested { request: String, deadline: Duration },
    Paused { until: Duration },
}

impl<L: Link> Session<L> {
    /// Subscribes on a fresh connection. Everything else follows once the hub has granted the topics.
    pub fn begin(
        mut link: L,
        device_id: &str,
        messages: bool,
        keep_alive: Duration,
        now: Duration,
    ) -> Result<Self, LinkError> {
        link.subscribe(&topic::subscriptions(device_id, messages))?;
        let response_timeout = RESPONSE_TIMEOUT.min(keep_alive);
        Ok(Self {
            link,
            device_id: device_id.to_owned(),
            puback_timeout: PUBACK_TIMEOUT.min(keep_alive),
            response_timeout,
            subscribed: false,
            on_hold: false,
            twin_received: false,
            acknowledged: false,
            suback_deadline: now + response_timeout,
            next_number: 0,
            in_flight: BTreeMap::new(),
            report: ReportRequest::Idle,
            twin: TwinRequest::Idle,
            failures: 0,
            // A late answer of an earlier connection must not be taken for one of this.
            last_request: rand::random::<u32>().into(),
        })
    }

    /// The next thing the server has sent. Cancel safe.
    pub async fn next(&mut self) -> Result<Incoming, LinkError> {
        self.link.next().await
    }

    /// Handles a packet that [`next`](Self::next) has returned; acknowledged items are removed from the queue.
    pub fn handle(
        &mut self,
        incoming: Incoming,
        queue: &mut impl SendQueue,
        now: Duration,
    ) -> Result<Option<HubEvent>, LinkError> {
        match incoming {
            Incoming::Subscribed { refused } if refused.is_empty() => {
                self.subscribed = true;
                self.request_twin(now)?;
                Ok(Some(HubEvent::Subscribed))
            }
            Incoming::Subscribed { refused } => Err(LinkError::Protocol(format!(
                "the hub rejected the subscription to {}",
                refused.join(", ")
            ))),
            Incoming::Acknowledged(number) => Ok(self.in_flight.remove(&number).map(|sent| {
                self.acknowledged = true;
                queue.acknowledge(sent.id);
                HubEvent::Acknowledged
            })),
            Incoming::Message {
                topic,
                payload,
                receipt,
            } => self.message(&topic, payload, receipt, queue, now),
        }
    }

    fn message(
        &mut self,
        topic: &str,
        payload: Bytes,
        receipt: Option<Receipt>,
        queue: &mut impl SendQueue,
        now: Duration,
    ) -> Result<Option<HubEvent>, LinkError> {
        let event = match topic::parse(topic, &self.device_id) {
            Some(Topic::Message { properties }) => {
                return Ok(Some(HubEvent::Message {
                    receipt,
                    properties,
                    body: payload,
                }));
            }
            Some(Topic::Method { name, request }) => Some(HubEvent::Command {
                request,
                name,
                payload,
            }),
            Some(Topic::Desired { version }) => Some(HubEvent::DesiredPatch {
                version,
                body: payload,
            }),
            Some(Topic::TwinResponse {
                status, request, ..
            }) => self.twin_response(status, &request, payload, queue, now),
            None => {
                let topic = text::truncate(topic, MAX_LOGGED_TOPIC);
                tracing::warn!(topic, "message on an unexpected topic ignored");
                None
            }
        };
        // Only cloud-to-device messages wait for their batch; anything else is done once it is read.
        if let Some(receipt) = receipt {
            self.link.acknowledge(receipt)?;
        }
        Ok(event)
    }

    fn twin_response(
        &mut self,
        status: u16,
        answered: &str,
        body: Bytes,
        queue: &mut impl SendQueue,
        now: Duration,
    ) -> Option<HubEvent> {
        let transient = status == 429 || status >= 500;
        match (&self.twin, &self.report) {
            (TwinRequest::Requested { request, .. }, _) if request == answered => {
                if status == 200 {
                    self.twin = TwinRequest::Idle;
                    self.failures = 0;
                    self.twin_received = true;
                    return Some(HubEvent::Twin(body));
                }
                let until = now + self.retry_delay(status, "twin request failed");
                self.twin = TwinRequest::Paused { until };
                None
            }
            (_, ReportRequest::Requested { request, .. }) if request == answered && transient => {
                queue.rewind_reports();
                let until = now + self.retry_delay(status, "reported PATCH failed");
                self.report = ReportRequest::Paused { until };
                None
            }
            (_, ReportRequest::Requested { request, id, .. }) if request == answered => {
                let id = *id;
                self.report = ReportRequest::Idle;
                if status >= 400 {
                    return Some(HubEvent::ReportRejected { id, status });
                }
                self.failures = 0;
                queue.acknowledge(id);
                None
            }
            // A late response to a request that was repeated.
            _ => None,
        }
    }

    /// Returns the delay before a twin request that got this status is repeated.
    fn retry_delay(&mut self, status: u16, failure: &str) -> Duration {
        let (first, max) = TWIN_RETRY_DELAYS;
        let factor = 2_u32.saturating_pow(self.failures);
        let delay = first.saturating_mul(factor).min(max);
        self.failures = self.failures.saturating_add(1);
        let seconds = delay.as_secs();
        tracing::warn!(status, "{failure}; next attempt in {seconds} s");
        delay
    }

    /// Stops or resumes sending of everything but replies, because the connection is about to be replaced.
    pub fn hold(&mut self, on_hold: bool) {
        self.on_hold = on_hold;
    }

    /// Returns whether a message may be sent now.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.subscribed && !self.on_hold && self.window_open()
    }

    /// Returns whether no acknowledgment or response of the hub is pending.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.subscribed && self.is_settled() && matches!(self.twin, TwinRequest::Idle)
    }

    /// Returns whether the hub has acknowledged all sent items.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.in_flight.is_empty() && matches!(self.report, ReportRequest::Idle)
    }

    /// Returns whether the hub has returned the twin on this connection.
    #[must_use]
    pub fn has_received_twin(&self) -> bool {
        self.twin_received
    }

    /// Returns whether the hub has answered all requests of this connection, as far as the device can tell: if the hub
    /// closes it, the reason is not an item that the device has sent.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let acknowledged = self.acknowledged || self.in_flight.is_empty();
        self.twin_received && acknowledged && matches!(self.report, ReportRequest::Idle)
    }

    /// Sends accepted items that fit the window. Returns the body of the first message sent.
    pub fn send_pending(
        &mut self,
        queue: &mut impl SendQueue,
        accepted: u64,
        now: Duration,
    ) -> Result<Option<Bytes>, LinkError> {
        let mut first = None;
        while self.may_send() {
            let free = matches!(self.report, ReportRequest::Idle);
            let id = match queue.next(accepted, free, now) {
                Some(Next::Telemetry(id, message)) => {
                    self.send(id, message, now)?;
                    first.get_or_insert_with(|| message.body.clone());
                    id
                }
                Some(Next::Report(id, report)) => {
                    let body = Bytes::from(serde_json::to_vec(report).unwrap_or_default());
                    if body.len() > MAX_REPORT_PACKET {
                        let size = body.len();
                        tracing::warn!(size, "reported properties discarded: too large to send");
                        queue.acknowledge(id);
                        continue;
                    }
                    self.report(id, body, now)?;
                    id
                }
                None => break,
            };
            queue.sent(id, now);
        }
        Ok(first)
    }

    /// Returns true if a further message may be in flight. If none is, nothing would say when packets have left.
    fn window_open(&self) -> bool {
        self.in_flight.first_key_value().is_none_or(|(oldest, _)| {
            let span = self.next_number - oldest;
            span < MAX_IN_FLIGHT_SPAN && self.link.unsent() < MAX_UNSENT
        })
    }

    fn send(
        &mut self,
        id: u64,
        message: &TelemetryMessage,
        now: Duration,
    ) -> Result<(), LinkError> {
        let number = self.next_number;
        let topic = message.topic(&self.device_id);
        self.link
            .publish(topic, message.body.clone(), Delivery::AtLeastOnce(number))?;
        self.in_flight.insert(number, InFlight { id, sent: now });
        self.next_number += 1;
        Ok(())
    }

    fn report(&mut self, id: u64, body: Bytes, now: Duration) -> Result<(), LinkError> {
        let request = self.next_request();
        self.link
            .publish(topic::reported_patch(&request), body, Delivery::AtMostOnce)?;
        self.report = ReportRequest::Requested {
            request,
            id,
            deadline: now + self.response_timeout,
        };
        Ok(())
    }

    /// Requests the whole twin; [`HubEvent::Twin`] is the response.
    pub fn request_twin(&mut self, now: Duration) -> Result<(), LinkError> {
        let request = self.next_request();
        self.link.publish(
            topic::twin_get(&request),
            Bytes::new(),
            Delivery::AtMostOnce,
        )?;
        self.twin = TwinRequest::Requested {
            request,
            deadline: now + self.response_timeout,
        };
        Ok(())
    }

    fn next_request(&mut self) -> String {
        self.last_request += 1;
        format!("{:x}", self.last_request)
    }

    /// Answers a command of this connection.
    pub fn reply(&mut self, request: &str, reply: Reply) -> Result<(), LinkError> {
        let topic = topic::method_response(reply.status, request);
        self.link
            .publish(topic, reply.payload.into(), Delivery::AtMostOnce)
    }

    /// Acknowledges a cloud-to-device message of this connection.
    pub fn acknowledge(&mut self, receipt: Receipt) -> Result<(), LinkError> {
        self.link.acknowledge(receipt)
    }

    /// Returns the time of the next [`on_deadline`](Self::on_deadline).
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let acknowledgment = self
            .in_flight
            .first_key_value()
            .map(|(_, oldest)| oldest.sent + self.puback_timeout);
        let report = match self.report {
            ReportRequest::Idle => None,
            ReportRequest::Requested { deadline: at, .. } | ReportRequest::Paused { until: at } => {
                Some(at)
            }
        };
        let twin = match self.twin {
            TwinRequest::Idle => None,
            TwinRequest::Requested { deadline: at, .. } | TwinRequest::Paused { until: at } => {
                Some(at)
            }
        };
        let topics = (!self.subscribed).then_some(self.suback_deadline);
        [topics, acknowledgment, report, twin]
            .into_iter()
            .flatten()
            .min()
    }

    /// Handles timeouts and repeats requests that are due.
    pub fn on_deadline(
        &mut self,
        queue: &mut impl SendQueue,
        now: Duration,
    ) -> Result<(), LinkError> {
        if !self.subscribed && self.suback_deadline <= now {
            let within = format_duration(self.response_timeout);
            return Err(LinkError::KeepAliveTimeout(format!(
                "the hub has not acknowledged the subscription within {within}"
            )));
        }
        if let Some((_, oldest)) = self.in_flight.first_key_value()
            && oldest.sent + self.puback_timeout <= now
        {
            let within = format_duration(self.puback_timeout);
            return Err(LinkError::KeepAliveTimeout(format!(
                "the hub has not acknowledged a message within {within}"
            )));
        }
        match self.report {
            ReportRequest::Requested { deadline, .. } if deadline <= now => {
                queue.rewind_reports();
                self.report = ReportRequest::Idle;
            }
            ReportRequest::Paused { until } if until <= now => self.report = ReportRequest::Idle,
            _ => {}
        }
        match self.twin {
            TwinRequest::Requested { deadline: at, .. } | TwinRequest::Paused { until: at }
                if at <= now =>
            {
                self.request_twin(now)
            }
            _ => Ok(()),
        }
    }

    /// Ends the connection cleanly.
    pub async fn disconnect(self) {
        self.link.disconnect().await;
    }
}

/// The names of the properties in a telemetry body; none if it is no JSON object.
#[must_use]
pub fn telemetry_names(body: &[u8]) -> Option<Vec<String>> {
    let object: Map<String, Value> = serde_json::from_slice(body).ok()?;
    Some(object.into_iter().map(|(name, _)| name).collect())
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
