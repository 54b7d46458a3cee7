//! Events as JSON, for the command line and the console.

use serde_json::{Map, Value, json};

use crate::{
    api::content,
    hub::{D2cMessage, Event, EventKind, MethodReply, TwinChange, format_timestamp},
};

pub(super) fn event(event: &Event) -> Value {
    let mut object = Map::new();
    object.insert("sequence".into(), event.sequence.into());
    if !event.device_id.is_empty() {
        object.insert("device".into(), event.device_id.as_str().into());
    }
    object.insert("type".into(), event.kind.name().into());
    object.insert("enqueued".into(), format_timestamp(event.enqueued).into());
    if let Value::Object(details) = details(&event.kind) {
        object.extend(details.into_iter().filter(|(_, value)| !value.is_null()));
    }
    object.into()
}

/// Makes the notice of a gap: events after `since` and before `oldest` are deleted.
pub(super) fn gap(since: u64, oldest: u64) -> Value {
    json!({"type": "gap", "since": since, "oldest": oldest})
}

/// Returns the members of this kind of event; `null` where there is no value.
pub(super) fn details(kind: &EventKind) -> Value {
    match kind {
        EventKind::Connected {
            model_id,
            session_present,
        } => json!({"modelId": model_id, "sessionPresent": session_present}),
        EventKind::Disconnected { reason, since } => json!({"reason": reason, "since": since}),
        EventKind::Reported {
            patch,
            version,
            twin_version,
        } => json!({"patch": patch, "version": version, "twinVersion": twin_version}),
        EventKind::Desired(change) => desired(change),
        EventKind::Tags(change) => tags(change),
        EventKind::Telemetry(message) => telemetry(message),
        EventKind::Command {
            name,
            payload,
            outcome,
            milliseconds,
        } => {
            let outcome = outcome.as_ref();
            json!({
                "name": name,
                "payload": payload,
                "status": outcome.ok().map(|reply| reply.status),
                "response": outcome.ok().and_then(response),
                "error": outcome.err(),
                "milliseconds": milliseconds,
            })
        }
        EventKind::Registry {
            generation_id,
            etag,
            status,
            ..
        } => json!({"generationId": generation_id, "etag": etag, "status": status}),
        EventKind::Fault { fault, .. } => json!({"fault": fault}),
    }
}

fn response(reply: &MethodReply) -> Option<&Value> {
    reply.payload.as_ref()
}

fn desired(change: &TwinChange) -> Value {
    json!({
        "desired": change.patch,
        "replaced": change.replaced.then_some(true),
        "version": change.version,
        "twinVersion": change.twin_version,
    })
}

fn tags(change: &TwinChange) -> Value {
    json!({
        "tags": change.patch,
        "replaced": change.replaced.then_some(true),
        "twinVersion": change.twin_version,
    })
}

fn telemetry(message: &D2cMessage) -> Value {
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
    object.insert("properties".into(), properties(message).into());
    content::insert(&mut object, message.content_type.as_deref(), &message.body);
    object.into()
}

pub(super) fn properties(message: &D2cMessage) -> Map<String, Value> {
    let properties = message.properties.iter();
    properties
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect()
}
