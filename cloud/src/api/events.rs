//! `/api/events`: what devices say and what becomes of them, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::routing::get;
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;

use super::Services;
use super::auth::{Caller, Right};
use super::content;
use super::problem::Problem;
use crate::error::HubError;
use crate::hub::{Event, EventKind, FaultPhase, Hub, Message};

/// So that a client, and whatever lies between, sees that the connection lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/events", get(events))
}

/// What the client wants to see.
#[derive(Deserialize)]
struct Wanted {
    /// Only what came after the event of this number; `Last-Event-ID` counts before it.
    since: Option<String>,
    /// Only of this device.
    device: Option<String>,
    /// Of what is kept only the last so many.
    last: Option<String>,
    /// `false` ends the stream after what is kept.
    follow: Option<String>,
}

async fn events(
    caller: Caller,
    State(services): State<Arc<Services>>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Sse<impl Stream<Item = Result<Frame, Infallible>>>, Problem> {
    caller.may(Right::ServiceConnect)?;
    let resumed = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let since = number("since", resumed.or(wanted.since).as_deref())?.unwrap_or(0);
    let last = number("last", wanted.last.as_deref())?;
    let mut follower = Follower::new(&services, since, wanted.device);
    if let Some(last) = last {
        follower.keep_last(last);
    }
    if wanted.follow.as_deref() == Some("false") {
        follower.receiver = None;
    }
    let frames = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(frame(&event)), follower))
    });
    Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn number(name: &str, text: Option<&str>) -> Result<Option<u64>, HubError> {
    text.map(str::parse)
        .transpose()
        .map_err(|_| HubError::ArgumentInvalid(format!("{name} must be a number")))
}

fn frame(event: &Event) -> Frame {
    Frame::default()
        .id(event.sequence.to_string())
        .event(kind(event))
        .data(json(event).to_string())
}

/// One client's view of the events: in order, without gaps.
struct Follower {
    hub: Hub,
    device: Option<String>,
    waiting: VecDeque<Arc<Event>>,
    /// None once nothing more is to come.
    receiver: Option<Receiver<Arc<Event>>>,
    last_seen: u64,
    shutdown: watch::Receiver<bool>,
}

impl Follower {
    fn new(services: &Services, since: u64, device: Option<String>) -> Self {
        let mut follower = Self {
            hub: services.hub.clone(),
            device,
            waiting: VecDeque::new(),
            receiver: None,
            last_seen: since,
            shutdown: services.shutdown.clone(),
        };
        follower.ask();
        follower
    }

    /// Asks for everything after the event last seen.
    fn ask(&mut self) {
        let (past, receiver) = self.hub.events_since(self.last_seen);
        self.waiting.extend(past);
        self.receiver = Some(receiver);
    }

    fn keep_last(&mut self, count: u64) {
        let device = self.device.as_deref();
        self.waiting.retain(|event| is_of(event, device));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let surplus = self.waiting.len().saturating_sub(count);
        self.waiting.drain(..surplus);
    }

    async fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            let event = match self.waiting.pop_front() {
                Some(event) => event,
                None => self.receive().await?,
            };
            self.last_seen = event.sequence;
            if is_of(&event, self.device.as_deref()) {
                return Some(event);
            }
        }
    }

    /// Waits for the next event; after falling behind, it is the oldest of those missed that is still kept.
    async fn receive(&mut self) -> Option<Arc<Event>> {
        loop {
            let receiver = self.receiver.as_mut()?;
            let received = tokio::select! {
                received = receiver.recv() => received,
                _ = self.shutdown.wait_for(|ended| *ended) => return None,
            };
            match received {
                Ok(event) => return Some(event),
                Err(RecvError::Closed) => return None,
                Err(RecvError::Lagged(_)) => self.ask(),
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
        }
    }
}

fn is_of(event: &Event, device: Option<&str>) -> bool {
    let is_of_all = event.device_id.is_empty();
    device.is_none_or(|device| is_of_all || event.device_id == device)
}

fn kind(event: &Event) -> &'static str {
    match event.kind {
        EventKind::Connected { .. } => "connected",
        EventKind::Disconnected { .. } => "disconnected",
        EventKind::Telemetry(_) => "telemetry",
        EventKind::Reported { .. } => "reported",
        EventKind::Fault { phase, .. } => match phase {
            FaultPhase::Began => "fault-began",
            FaultPhase::Ended => "fault-ended",
            FaultPhase::Struck => "fault-struck",
        },
    }
}

fn json(event: &Event) -> Value {
    let mut object = Map::new();
    object.insert("sequence".into(), event.sequence.into());
    if !event.device_id.is_empty() {
        object.insert("device".into(), event.device_id.as_str().into());
    }
    object.insert("type".into(), kind(event).into());
    object.insert("enqueued".into(), event.enqueued.to_string().into());
    let more = match &event.kind {
        EventKind::Connected {
            model_id,
            session_present,
        } => json!({"modelId": model_id, "sessionPresent": session_present}),
        EventKind::Disconnected { reason } => json!({"reason": reason}),
        EventKind::Reported { patch, version } => json!({"patch": patch, "version": version}),
        EventKind::Telemetry(message) => telemetry(message),
        EventKind::Fault { what, .. } => json!({"fault": what}),
    };
    if let Value::Object(more) = more {
        object.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    object.into()
}

fn telemetry(message: &Message) -> Value {
    let properties: Map<_, Value> = message
        .properties
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let mut object = Map::new();
    for (name, value) in [
        ("messageId", &message.message_id),
        ("correlationId", &message.correlation_id),
        ("contentType", &message.content_type),
        ("contentEncoding", &message.content_encoding),
        ("creationTime", &message.creation_time),
        ("component", &message.component),
    ] {
        object.insert(name.into(), value.as_deref().into());
    }
    object.insert("properties".into(), properties.into());
    content::put(&mut object, message.content_type.as_deref(), &message.body);
    object.into()
}
