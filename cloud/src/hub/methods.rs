//! Direct methods: a call goes out under a `$rid`, the answer comes back under the same.

use std::mem;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::Error;
use super::link::{MethodPush, Push};
use super::{Entry, EventKind, Hub, entry, topic};
use crate::json;

/// A payload either way, in bytes.
const PAYLOAD_LIMIT: usize = 128 * 1024;
const NAME_LIMIT: usize = 128;

/// A call of a method.
#[derive(Clone, Debug)]
pub struct MethodCall {
    /// Its name; `component*command` for a component's.
    pub name: String,
    /// What it gets. Nothing is an empty payload, unlike `null`.
    pub payload: Option<Value>,
    /// How long the device may take to answer.
    pub response_timeout: Duration,
    /// How long to wait for a device that is not connected, or not listening.
    pub connect_timeout: Duration,
}

/// A device's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodReply {
    /// The device's own status.
    pub status: u32,
    /// What it sent. A payload that is not JSON, or nests too deep, is given as text.
    pub payload: Option<Value>,
}

impl Hub {
    /// Calls a method of a device and waits for the answer.
    ///
    /// # Errors
    /// `ArgumentInvalid` for a name that cannot stand in a topic, `TooLarge`, `DeviceNotFound`, `DeviceNotOnline`
    /// after the connect timeout, `DeviceConnectionClosedRemotely`, `GatewayTimeout` after the response timeout.
    ///
    /// A call of a device that is there is an event.
    pub async fn call_method(&self, id: &str, call: MethodCall) -> Result<MethodReply, Error> {
        check_name(&call.name)?;
        let payload = payload(call.payload.as_ref())?;
        entry(&mut self.state(), id)?;
        let called = Called::now(self, id, &call);
        let outcome = self.answer_to(id, &call, payload).await;
        called.ended(&outcome);
        outcome
    }

    async fn answer_to(
        &self,
        id: &str,
        call: &MethodCall,
        payload: Vec<u8>,
    ) -> Result<MethodReply, Error> {
        let rid = format!("{:x}", self.number());
        let push = MethodPush {
            topic: topic::method(&call.name, &rid),
            rid,
            payload,
        };
        let answer = self.when_online(id, &push, call.connect_timeout).await?;
        let _in_hand = CallInHand {
            hub: self,
            device_id: id,
            rid: &push.rid,
        };
        match timeout(call.response_timeout, answer).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(Error::DeviceConnectionClosedRemotely),
            Err(_) => Err(Error::GatewayTimeout),
        }
    }

    /// Hands the call to the device's connection as soon as there is one that listens.
    async fn when_online(
        &self,
        id: &str,
        push: &MethodPush,
        patience: Duration,
    ) -> Result<oneshot::Receiver<MethodReply>, Error> {
        let deadline = Instant::now() + patience;
        let mut presence = self.inner.presence.subscribe();
        loop {
            if let Some(answer) = entry(&mut self.state(), id)?.call(push) {
                return Ok(answer);
            }
            if !matches!(timeout_at(deadline, presence.changed()).await, Ok(Ok(()))) {
                return Err(Error::DeviceNotOnline { waited: patience });
            }
        }
    }
}

/// A call that is to become an event: also when its caller does not wait for the end.
struct Called<'a> {
    hub: &'a Hub,
    device_id: &'a str,
    name: String,
    payload: Option<Value>,
    since: Instant,
    outcome: Result<MethodReply, String>,
}

impl<'a> Called<'a> {
    fn now(hub: &'a Hub, device_id: &'a str, call: &MethodCall) -> Self {
        Self {
            hub,
            device_id,
            name: call.name.clone(),
            payload: call.payload.clone(),
            since: Instant::now(),
            outcome: Err("the caller did not wait for the answer".into()),
        }
    }

    fn ended(mut self, outcome: &Result<MethodReply, Error>) {
        self.outcome = outcome.clone().map_err(|error| error.to_string());
    }
}

impl Drop for Called<'_> {
    fn drop(&mut self) {
        let command = EventKind::Command {
            name: mem::take(&mut self.name),
            payload: self.payload.take(),
            outcome: self.outcome.clone(),
            milliseconds: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.hub.store().record(self.device_id, command);
    }
}

/// A call the device has. When its caller is gone, for whatever reason, nobody waits for the answer any more.
struct CallInHand<'a> {
    hub: &'a Hub,
    device_id: &'a str,
    rid: &'a str,
}

impl Drop for CallInHand<'_> {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        let entry = state.get_mut(self.device_id);
        if let Some(link) = entry.and_then(|entry| entry.link.as_mut()) {
            link.calls.remove(self.rid);
        }
    }
}

impl Entry {
    fn call(&mut self, push: &MethodPush) -> Option<oneshot::Receiver<MethodReply>> {
        self.session.qos(&push.topic)?;
        let link = self.link.as_mut()?;
        let (caller, answer) = oneshot::channel();
        link.calls.insert(push.rid.clone(), caller);
        link.push(Push::Method(push.clone()));
        Some(answer)
    }

    /// The device answers. An answer nobody waits for any more is nothing.
    pub(super) fn answer(&mut self, rid: &str, status: u32, payload: &[u8]) {
        let link = self.link.as_mut();
        if let Some(caller) = link.and_then(|link| link.calls.remove(rid)) {
            let _ = caller.send(MethodReply {
                status,
                payload: parse(payload),
            });
        }
    }
}

/// Whether an answer is small enough to be taken.
pub(super) fn fits(payload: &[u8]) -> bool {
    payload.len() <= PAYLOAD_LIMIT
}

fn check_name(name: &str) -> Result<(), Error> {
    let forbidden = |c: char| c.is_control() || matches!(c, '/' | '+' | '#' | '?');
    if name.is_empty() || name.len() > NAME_LIMIT || name.contains(forbidden) {
        return Err(Error::ArgumentInvalid(format!(
            "a method name has 1 to {NAME_LIMIT} bytes, without '/', '+', '#', '?' and control characters"
        )));
    }
    Ok(())
}

fn payload(payload: Option<&Value>) -> Result<Vec<u8>, Error> {
    let bytes = payload.map(|payload| payload.to_string().into_bytes());
    let bytes = bytes.unwrap_or_default();
    if !fits(&bytes) {
        return Err(Error::TooLarge {
            what: "the method's payload",
            bytes: bytes.len(),
            limit: PAYLOAD_LIMIT,
        });
    }
    Ok(bytes)
}

fn parse(payload: &[u8]) -> Option<Value> {
    if payload.is_empty() {
        return None;
    }
    let text = || String::from_utf8_lossy(payload).into_owned().into();
    Some(json::read(payload).unwrap_or_else(|_| text()))
}
