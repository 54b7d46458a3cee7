//! Direct methods: a call and its response share a `$rid`.

use std::{mem, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Entry, Error, Hub,
    connection::{MethodPush, Push},
    entry, topic,
};
use crate::{
    events::{EventKind, MethodReply},
    json::{self, JsonText},
};

/// The largest payload in either direction, in bytes.
const MAX_PAYLOAD: usize = 128 * 1024;
const MAX_NAME: usize = 128;
/// The characters of a response that is not JSON in its error.
const MAX_SHOWN: usize = 256;

/// A call of a method.
#[derive(Clone, Debug)]
pub struct MethodCall {
    /// Name of the method; `component*command` for a component's.
    pub name: String,
    /// Payload of the request. `None` and `null` are an empty body, as in Azure.
    pub payload: Option<JsonText>,
    /// Time for the device to respond.
    pub response_timeout: Duration,
    /// Time for the device to connect and subscribe to methods.
    pub connect_timeout: Duration,
}

/// The response to a call, or the reason why there is none.
pub(super) type MethodOutcome = Result<MethodReply, Error>;

impl Hub {
    /// Calls a method of a device and waits for the response.
    ///
    /// # Errors
    /// `ArgumentInvalid` for a name that cannot stand in a topic, `TooLarge`, `DeviceNotFound`, `DeviceNotOnline`
    /// after the connect timeout, `DeviceConnectionClosedRemotely`, `GatewayTimeout` after the response timeout,
    /// `InvalidResponse` for a response that is not JSON.
    ///
    /// A call of a registered device is recorded as an event.
    pub async fn call_method(&self, id: &str, call: MethodCall) -> MethodOutcome {
        check_name(&call.name)?;
        let payload = payload(call.payload.as_ref())?;
        entry(&mut self.entries(), id)?;
        let recorder = CallRecorder::start(self, id, &call);
        let outcome = self.call_device(id, &call, payload).await;
        recorder.finish(&outcome);
        outcome
    }

    async fn call_device(&self, id: &str, call: &MethodCall, payload: Vec<u8>) -> MethodOutcome {
        let rid = format!("{:x}", self.next_number());
        let push = MethodPush {
            topic: topic::method(&call.name, &rid),
            rid,
            payload,
        };
        let response = self
            .send_when_online(id, &push, call.connect_timeout)
            .await?;
        let _pending = PendingCall {
            hub: self,
            device_id: id,
            rid: &push.rid,
        };
        match timeout(call.response_timeout, response).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Error::DeviceConnectionClosedRemotely),
            Err(_) => Err(Error::GatewayTimeout),
        }
    }

    /// Gives the call to the device's connection as soon as one has subscribed to methods.
    async fn send_when_online(
        &self,
        id: &str,
        push: &MethodPush,
        connect_timeout: Duration,
    ) -> Result<oneshot::Receiver<MethodOutcome>, Error> {
        let deadline = Instant::now() + connect_timeout;
        let mut presence = self.inner.presence.subscribe();
        loop {
            if let Some(response) = entry(&mut self.entries(), id)?.call(push) {
                return Ok(response);
            }
            if !matches!(timeout_at(deadline, presence.changed()).await, Ok(Ok(()))) {
                return Err(Error::DeviceNotOnline {
                    waited: connect_timeout,
                });
            }
        }
    }
}

/// Records a call as an event when dropped, also if the caller goes away before the end.
struct CallRecorder<'a> {
    hub: &'a Hub,
    device_id: &'a str,
    name: String,
    payload: Option<JsonText>,
    started: Instant,
    outcome: Result<MethodReply, String>,
}

impl<'a> CallRecorder<'a> {
    fn start(hub: &'a Hub, device_id: &'a str, call: &MethodCall) -> Self {
        Self {
            hub,
            device_id,
            name: call.name.clone(),
            payload: call.payload.clone().map(JsonText::compact),
            started: Instant::now(),
            outcome: Err("the caller disconnected before the response arrived".into()),
        }
    }

    fn finish(mut self, outcome: &MethodOutcome) {
        let compact = |reply: MethodReply| MethodReply {
            payload: reply.payload.map(JsonText::compact),
            ..reply
        };
        let outcome = outcome.clone().map(compact);
        self.outcome = outcome.map_err(|error| error.to_string());
    }
}

impl Drop for CallRecorder<'_> {
    fn drop(&mut self) {
        let command = EventKind::Command {
            name: mem::take(&mut self.name),
            payload: self.payload.take(),
            outcome: self.outcome.clone(),
            milliseconds: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.hub.store().record(self.device_id, command);
    }
}

/// A call that was sent. When dropped, its response is no longer expected.
struct PendingCall<'a> {
    hub: &'a Hub,
    device_id: &'a str,
    rid: &'a str,
}

impl Drop for PendingCall<'_> {
    fn drop(&mut self) {
        let mut entries = self.hub.entries();
        let entry = entries.get_mut(self.device_id);
        if let Some(connection) = entry.and_then(|entry| entry.connection.as_mut()) {
            connection.calls.remove(self.rid);
        }
    }
}

impl Entry {
    fn call(&mut self, push: &MethodPush) -> Option<oneshot::Receiver<MethodOutcome>> {
        self.session.qos(&push.topic)?;
        let connection = self.connection.as_mut()?;
        let (caller, response) = oneshot::channel();
        connection.calls.insert(push.rid.clone(), caller);
        connection.push(Push::Method(push.clone()));
        Some(response)
    }

    /// Passes the response to the caller, if it still waits.
    pub(super) fn complete_call(&mut self, rid: &str, status: i64, payload: &[u8]) {
        let connection = self.connection.as_mut();
        if let Some(caller) = connection.and_then(|connection| connection.calls.remove(rid)) {
            let _ = caller.send(parse_reply(status, payload));
        }
    }
}

/// Returns true if a payload is within the size limit.
pub(super) fn is_within_limit(payload: &[u8]) -> bool {
    payload.len() <= MAX_PAYLOAD
}

fn check_name(name: &str) -> Result<(), Error> {
    let forbidden = |c: char| c.is_control() || matches!(c, '/' | '+' | '#' | '?');
    if name.is_empty() || name.len() > MAX_NAME || name.contains(forbidden) {
        return Err(Error::ArgumentInvalid(format!(
            "a method name must have 1 to {MAX_NAME} bytes, without '/', '+', '#', '?' and control characters"
        )));
    }
    Ok(())
}

fn payload(payload: Option<&JsonText>) -> Result<Vec<u8>, Error> {
    let payload = payload.filter(|payload| !payload.is_null());
    let bytes = payload.map(|payload| payload.as_str().into());
    let bytes: Vec<u8> = bytes.unwrap_or_default();
    if !is_within_limit(&bytes) {
        return Err(Error::TooLarge {
            what: "the method payload",
            bytes: bytes.len(),
            limit: MAX_PAYLOAD,
        });
    }
    Ok(bytes)
}

/// Parses a response. Azure passes on one that is not JSON inside of its own JSON, which no client can read then.
fn parse_reply(status: i64, payload: &[u8]) -> MethodOutcome {
    if payload.is_empty() {
        return Ok(MethodReply {
            status,
            payload: None,
        });
    }
    match json::read(payload) {
        Ok(payload) => Ok(MethodReply {
            status,
            payload: Some(payload),
        }),
        Err(error) => Err(Error::InvalidResponse {
            status,
            payload: shown(payload),
            error: error.to_string(),
        }),
    }
}

/// Returns the beginning of a payload as text.
fn shown(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(MAX_SHOWN).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}
