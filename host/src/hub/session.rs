//! One connection to IoT Hub: what is asked, what is on its way, and what comes in.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    message::Message,
    topic::{self, Topic},
};
use crate::{
    amount::show_time,
    device::behaviour::Reply,
    mqtt::{Delivery, Incoming, Link, LinkError, Receipt},
    store::outbox::{Next, Outbox, WINDOW},
    text,
};

/// Messages at a time, counted from the oldest unacknowledged one, so that numbers on the wire do not meet.
const SPAN: u64 = WINDOW as u64;
/// A hub that has not acknowledged a message for so long is taken for gone; earlier, if the keep-alive is shorter: whoever
/// sets it wants to know.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(60);
/// A request to the twin is asked again after so long without an answer; without a SUBACK the hub is taken for gone. The
/// keep-alive bounds this too.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Pause after the first throttled or failed request to the twin; doubled with each further one in a row, up to the second.
const ASK_AGAIN_AFTER: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(160));
/// What fits a packet, in bytes. IoT Hub takes 32 KB at a time, without counting the punctuation.
const LARGEST_REPORT: usize = 256 << 10;
/// So much of a topic nobody asked for is shown, in bytes.
const SHOWN_TOPIC: usize = 200;

/// What a session has to tell the device.
#[derive(Debug, PartialEq)]
pub enum HubEvent {
    /// The hub will deliver commands, desired properties and, if asked for, messages.
    Listening,
    /// The whole twin, as the hub holds it.
    Document(Bytes),
    /// A change of desired properties.
    Patch {
        /// Its `$version`.
        version: u64,
        /// The change.
        body: Bytes,
    },
    /// A command; the answer goes to [`Session::reply`] with the same request id.
    Command {
        /// What ties the answer to it.
        request: String,
        /// Name of the method.
        name: String,
        /// The request as sent.
        payload: Bytes,
    },
    /// A cloud-to-device message, to be acknowledged with [`Session::acknowledge`].
    Message {
        /// What acknowledges it.
        receipt: Option<Receipt>,
        /// Its properties.
        properties: Vec<(String, String)>,
        /// Its body.
        body: Bytes,
    },
    /// The hub has a telemetry message.
    Delivered,
    /// The hub refused reported properties for good; they are to be taken out of the outbox.
    Refused {
        /// Their id in the outbox.
        id: u64,
        /// The status it gave.
        status: u16,
    },
}

/// A standing connection to a hub.
pub struct Session<L> {
    link: L,
    device_id: String,
    acknowledge_within: Duration,
    answer_within: Duration,
    listening: bool,
    /// Whether nothing more is to leave, because the connection is about to be replaced.
    held: bool,
    /// Whether the hub has given the twin.
    answered: bool,
    /// Whether it has acknowledged a message.
    acknowledged: bool,
    /// When the topics must have been granted.
    listening_by: Duration,
    next_number: u64,
    in_flight: BTreeMap<u64, InFlight>,
    report: ReportRequest,
    twin: TwinRequest,
    /// Requests to the twin in a row that were throttled or failed.
    refusals: u32,
    requests: u64,
}

struct InFlight {
    id: u64,
    sent: Duration,
}

/// Reports go one at a time, so that a throttled one is not overtaken by a later one.
enum ReportRequest {
    Free,
    Asked {
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
    Asked { request: String, deadline: Duration },
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
        let answer_within = ANSWER_WITHIN.min(keep_alive);
        Ok(Self {
            link,
            device_id: device_id.to_owned(),
            acknowledge_within: ACKNOWLEDGE_WITHIN.min(keep_alive),
            answer_within,
            listening: false,
            held: false,
            answered: false,
            acknowledged: false,
            listening_by: now + answer_within,
            next_number: 0,
            in_flight: BTreeMap::new(),
            report: ReportRequest::Free,
            twin: TwinRequest::Idle,
            refusals: 0,
            // A late answer of an earlier connection must not be taken for one of this.
            requests: rand::random::<u32>().into(),
        })
    }

    /// The next thing the server has sent. Cancel safe.
    pub async fn next(&mut self) -> Result<Incoming, LinkError> {
        self.link.next().await
    }

    /// Takes in what [`next`](Self::next) has returned; what was acknowledged leaves the outbox.
    pub fn take(
        &mut self,
        incoming: Incoming,
        outbox: &mut Outbox,
        now: Duration,
    ) -> Result<Option<HubEvent>, LinkError> {
        match incoming {
            Incoming::Subscribed { refused } if refused.is_empty() => {
                self.listening = true;
                self.ask_twin(now)?;
                Ok(Some(HubEvent::Listening))
            }
            Incoming::Subscribed { refused } => Err(LinkError::Failed(format!(
                "the hub refused to deliver {}",
                refused.join(", ")
            ))),
            Incoming::Acknowledged(number) => Ok(self.in_flight.remove(&number).map(|sent| {
                self.acknowledged = true;
                outbox.remove(sent.id);
                HubEvent::Delivered
            })),
            Incoming::Message {
                topic,
                payload,
                receipt,
            } => self.message(&topic, payload, receipt, outbox, now),
        }
    }

    fn message(
        &mut self,
        topic: &str,
        payload: Bytes,
        receipt: Option<Receipt>,
        outbox: &mut Outbox,
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
            Some(Topic::Desired { version }) => Some(HubEvent::Patch {
                version,
                body: payload,
            }),
            Some(Topic::TwinResponse {
                status, request, ..
            }) => self.twin_response(status, &request, payload, outbox, now),
            None => {
                let topic = text::cut(topic, SHOWN_TOPIC);
                tracing::warn!(topic, "a message on a topic nobody asked for; ignored");
                None
            }
        };
        // Only cloud-to-device messages wait for their batch; anything else is done with once it is read.
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
        outbox: &mut Outbox,
        now: Duration,
    ) -> Option<HubEvent> {
        let transient = status == 429 || status >= 500;
        match (&self.twin, &self.report) {
            (TwinRequest::Asked { request, .. }, _) if request == answered => {
                if status == 200 {
                    self.twin = TwinRequest::Idle;
                    self.refusals = 0;
                    self.answered = true;
                    return Some(HubEvent::Document(body));
                }
                let until = now + self.pause(status, "the hub did not give the twin");
                self.twin = TwinRequest::Paused { until };
                None
            }
            (_, ReportRequest::Asked { request, .. }) if request == answered && transient => {
                outbox.rewind_reports();
                let until = now + self.pause(status, "the hub did not take reported properties");
                self.report = ReportRequest::Paused { until };
                None
            }
            (_, ReportRequest::Asked { request, id, .. }) if request == answered => {
                let id = *id;
                self.report = ReportRequest::Free;
                if status >= 400 {
                    return Some(HubEvent::Refused { id, status });
                }
                self.refusals = 0;
                outbox.remove(id);
                None
            }
            // An answer to a request of before, which was asked again.
            _ => None,
        }
    }

    /// How long to wait before a request to the twin that got this status is made again.
    fn pause(&mut self, status: u16, what: &str) -> Duration {
        let (first, longest) = ASK_AGAIN_AFTER;
        let factor = 2_u32.saturating_pow(self.refusals);
        let pause = first.saturating_mul(factor).min(longest);
        self.refusals = self.refusals.saturating_add(1);
        let seconds = pause.as_secs();
        tracing::warn!(status, "{what}; asking again in {seconds} s");
        pause
    }

    /// Whether nothing more is to leave but answers, because the connection is about to be replaced.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Whether a message may leave now.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.listening && !self.held && self.has_room()
    }

    /// Whether no acknowledgment or answer of the hub is due.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.listening && self.is_settled() && matches!(self.twin, TwinRequest::Idle)
    }

    /// Whether the hub has acknowledged all that has left.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.in_flight.is_empty() && matches!(self.report, ReportRequest::Free)
    }

    /// Whether the hub has given the twin on this connection.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        self.answered
    }

    /// Whether the hub has answered all this connection has asked, as far as anyone can tell: if it ends the connection,
    /// that is not for something the device has sent.
    #[must_use]
    pub fn was_well(&self) -> bool {
        let acknowledged = self.acknowledged || self.in_flight.is_empty();
        self.answered && acknowledged && matches!(self.report, ReportRequest::Free)
    }

    /// Sends what is accepted and fits the window; returns the body of the first message that left.
    pub fn pump(
        &mut self,
        outbox: &mut Outbox,
        accepted: u64,
        now: Duration,
    ) -> Result<Option<Bytes>, LinkError> {
        let mut first = None;
        while self.may_send() {
            let free = matches!(self.report, ReportRequest::Free);
            let id = match outbox.next(accepted, free, now) {
                Some(Next::Telemetry(id, message)) => {
                    self.send(id, message, now)?;
                    first.get_or_insert_with(|| message.body.clone());
                    id
                }
                Some(Next::Report(id, report)) => {
                    let body = Bytes::from(serde_json::to_vec(report).unwrap_or_default());
                    if body.len() > LARGEST_REPORT {
                        let size = body.len();
                        tracing::warn!(size, "reported properties too large to send; given up");
                        outbox.remove(id);
                        continue;
                    }
                    self.report(id, body, now)?;
                    id
                }
                None => break,
            };
            outbox.sent(id, now);
        }
        Ok(first)
    }

    fn has_room(&self) -> bool {
        self.in_flight
            .first_key_value()
            .is_none_or(|(oldest, _)| self.next_number - oldest < SPAN)
    }

    fn send(&mut self, id: u64, message: &Message, now: Duration) -> Result<(), LinkError> {
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
        self.report = ReportRequest::Asked {
            request,
            id,
            deadline: now + self.answer_within,
        };
        Ok(())
    }

    /// Asks for the whole twin; [`HubEvent::Document`] is the answer.
    pub fn ask_twin(&mut self, now: Duration) -> Result<(), LinkError> {
        let request = self.next_request();
        self.link.publish(
            topic::twin_get(&request),
            Bytes::new(),
            Delivery::AtMostOnce,
        )?;
        self.twin = TwinRequest::Asked {
            request,
            deadline: now + self.answer_within,
        };
        Ok(())
    }

    fn next_request(&mut self) -> String {
        self.requests += 1;
        format!("{:x}", self.requests)
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

    /// When something is to be done even if nothing comes in.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let acknowledgment = self
            .in_flight
            .first_key_value()
            .map(|(_, oldest)| oldest.sent + self.acknowledge_within);
        let report = match self.report {
            ReportRequest::Free => None,
            ReportRequest::Asked { deadline: at, .. } | ReportRequest::Paused { until: at } => {
                Some(at)
            }
        };
        let twin = match self.twin {
            TwinRequest::Idle => None,
            TwinRequest::Asked { deadline: at, .. } | TwinRequest::Paused { until: at } => Some(at),
        };
        let topics = (!self.listening).then_some(self.listening_by);
        [topics, acknowledgment, report, twin]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub fn on_deadline(&mut self, outbox: &mut Outbox, now: Duration) -> Result<(), LinkError> {
        if !self.listening && self.listening_by <= now {
            let within = show_time(self.answer_within);
            return Err(LinkError::Silent(format!(
                "the hub has not granted the topics for {within}"
            )));
        }
        if let Some((_, oldest)) = self.in_flight.first_key_value()
            && oldest.sent + self.acknowledge_within <= now
        {
            let within = show_time(self.acknowledge_within);
            return Err(LinkError::Silent(format!(
                "the hub has not acknowledged a message for {within}"
            )));
        }
        match self.report {
            ReportRequest::Asked { deadline, .. } if deadline <= now => {
                outbox.rewind_reports();
                self.report = ReportRequest::Free;
            }
            ReportRequest::Paused { until } if until <= now => self.report = ReportRequest::Free,
            _ => {}
        }
        match self.twin {
            TwinRequest::Asked { deadline: at, .. } | TwinRequest::Paused { until: at }
                if at <= now =>
            {
                self.ask_twin(now)
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
