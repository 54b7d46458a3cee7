//! Events as `az iot hub monitor-events --properties all --output json` prints what IoT Hub routes to its endpoint.

use serde_json::{Map, Value, json};

use super::json;
use crate::hub::{Event, EventKind, Message, RegistryChange, TwinChange};

/// What a message that IoT Hub makes itself says about itself.
struct Notice {
    source: &'static str,
    kind: &'static str,
    schema: &'static str,
    body: Value,
}

/// Nothing for what IoT Hub routes nowhere: commands and faults.
pub(super) fn event(event: &Event) -> Option<Value> {
    match &event.kind {
        EventKind::Telemetry(message) => Some(telemetry(event, message)),
        kind => notice(event, kind).map(|notice| routed(event, &notice)),
    }
}

fn telemetry(event: &Event, message: &Message) -> Value {
    let body = json::event(event);
    let payload = ["body", "text", "base64"]
        .iter()
        .find_map(|name| body.get(name));
    let mut annotations = annotations(event, "Telemetry");
    if let Some(component) = &message.component {
        annotations.insert("dt-subject".into(), component.as_str().into());
    }
    let system = system([
        ("content_encoding", message.content_encoding.as_deref()),
        ("content_type", message.content_type.as_deref()),
        ("correlation_id", message.correlation_id.as_deref()),
        ("message_id", message.message_id.as_deref()),
    ]);
    shown(
        event,
        message.component.as_deref().unwrap_or_default(),
        json!({"system": system, "application": json::properties(message)}),
        annotations,
        payload.cloned().unwrap_or_default(),
    )
}

fn notice(event: &Event, kind: &EventKind) -> Option<Notice> {
    let connection = |kind| Notice {
        source: "deviceConnectionStateEvents",
        kind,
        schema: "deviceConnectionStateNotification",
        body: json!({"sequenceNumber": format!("{:040X}", event.sequence)}),
    };
    let lifecycle = |kind, body| Notice {
        source: "deviceLifecycleEvents",
        kind,
        schema: "deviceLifecycleNotification",
        body,
    };
    match kind {
        EventKind::Connected { .. } => Some(connection("deviceConnected")),
        EventKind::Disconnected { .. } => Some(connection("deviceDisconnected")),
        EventKind::Registry {
            change,
            etag,
            status,
            ..
        } => {
            let body = json!({"deviceId": event.device_id, "etag": etag, "status": status});
            Some(lifecycle(operation(*change), body))
        }
        EventKind::Reported {
            patch,
            version,
            twin_version,
        } => {
            let reported = versioned(patch.as_object().cloned().unwrap_or_default(), *version);
            let properties = json!({"properties": {"reported": reported}});
            Some(twin_change(false, *twin_version, properties))
        }
        EventKind::Desired(change) => Some(desired(change)),
        EventKind::Tags(change) => {
            let tags = json!({"tags": change.patch});
            Some(twin_change(change.replaced, change.twin_version, tags))
        }
        EventKind::Telemetry(_) | EventKind::Command { .. } | EventKind::Fault { .. } => None,
    }
}

fn operation(change: RegistryChange) -> &'static str {
    match change {
        RegistryChange::Created => "createDeviceIdentity",
        RegistryChange::Updated => "updateDeviceIdentity",
        RegistryChange::Deleted => "deleteDeviceIdentity",
    }
}

fn desired(change: &TwinChange) -> Notice {
    let desired = versioned(change.patch.clone(), change.version);
    let properties = json!({"properties": {"desired": desired}});
    twin_change(change.replaced, change.twin_version, properties)
}

fn twin_change(replaced: bool, version: u64, mut body: Value) -> Notice {
    if let Some(body) = body.as_object_mut() {
        body.insert("version".into(), version.into());
    }
    Notice {
        source: "twinChangeEvents",
        kind: if replaced {
            "replaceTwin"
        } else {
            "updateTwin"
        },
        schema: "twinChangeNotification",
        body,
    }
}

fn versioned(mut patch: Map<String, Value>, version: u64) -> Value {
    patch.insert("$version".into(), version.into());
    patch.into()
}

fn routed(event: &Event, notice: &Notice) -> Value {
    let system = system([
        ("content_encoding", Some("utf-8")),
        ("content_type", Some("application/json")),
    ]);
    let application = json!({
        "deviceId": event.device_id,
        "iothub-message-schema": notice.schema,
        "opType": notice.kind,
        "operationTimestamp": event.enqueued.to_string(),
    });
    shown(
        event,
        "",
        json!({"system": system, "application": application}),
        annotations(event, notice.source),
        notice.body.clone(),
    )
}

fn annotations(event: &Event, source: &str) -> Map<String, Value> {
    let at = event.enqueued.as_millisecond();
    let mut annotations = Map::new();
    for (name, value) in [
        (
            "iothub-connection-device-id",
            event.device_id.as_str().into(),
        ),
        ("iothub-enqueuedtime", at.into()),
        ("iothub-message-source", source.into()),
        ("x-opt-sequence-number", event.sequence.into()),
        ("x-opt-enqueued-time", at.into()),
    ] {
        annotations.insert(name.into(), value);
    }
    annotations
}

fn system<const N: usize>(properties: [(&str, Option<&str>); N]) -> Map<String, Value> {
    let given = properties.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
        .collect()
}

fn shown(
    event: &Event,
    component: &str,
    properties: Value,
    annotations: Map<String, Value>,
    payload: Value,
) -> Value {
    json!({"event": {
        "origin": event.device_id,
        "module": "",
        "interface": "",
        "component": component,
        "properties": properties,
        "annotations": annotations,
        "payload": payload,
    }})
}
