//! Events in the form of `az iot hub monitor-events --properties all --output json` (iot-hub-non-telemetry-event-schema).
//! Sequence number and offset are the local cloud's own.

use serde_json::{Map, Value, json};

use super::json;
use crate::{
    clock::format_timestamp,
    events::{D2cMessage, Event, EventKind, RegistryChange},
    hub::{
        Hub,
        twin::{TwinSection, changed_section},
    },
    json::{JsonObject, JsonText, Members, members, object},
};

/// A non-telemetry message, which IoT Hub makes itself.
struct HubMessage {
    source: &'static str,
    operation: &'static str,
    schema: &'static str,
    body: JsonText,
}

/// Converts an event; `None` for commands and faults, which IoT Hub does not route. Telemetry has the model that its device
/// announced last.
pub(super) fn event(event: &Event, hub: &Hub) -> Option<JsonText> {
    match &event.kind {
        EventKind::Telemetry(message) => {
            let model_id = hub.model_id(&event.device_id).unwrap_or_default();
            Some(telemetry(event, message, &model_id))
        }
        kind => hub_message(event, kind).map(|message| routed(event, hub.name(), &message)),
    }
}

fn telemetry(event: &Event, message: &D2cMessage, model_id: &str) -> JsonText {
    let mut body = json::details(&event.kind);
    let payload = ["body", "text", "base64"];
    let payload = payload.into_iter().find_map(|name| body.swap_remove(name));
    let mut annotations = annotations(event, "Telemetry");
    if let Some(component) = &message.component {
        annotations.insert("dt-subject".into(), component.as_str().into());
    }
    if !model_id.is_empty() {
        annotations.insert("dt-dataschema".into(), model_id.into());
    }
    let system = system([
        ("absolute_expiry_time", message.expiry_time.as_deref()),
        ("content_encoding", message.content_encoding.as_deref()),
        ("content_type", message.content_type.as_deref()),
        ("correlation_id", message.correlation_id.as_deref()),
        ("message_id", message.message_id.as_deref()),
        ("to", message.to.as_deref()),
        ("user_id", message.user_id.as_deref()),
    ]);
    let mut application = json::properties(message);
    // Azure shows the creation time among the application properties.
    application.extend(
        message
            .creation_time
            .as_deref()
            .map(|time| ("iothub-creation-time-utc", time)),
    );
    envelope(
        event,
        model_id,
        message.component.as_deref().unwrap_or_default(),
        json!({"system": system, "application": application}),
        annotations,
        payload.unwrap_or_else(|| JsonText::of(&())),
    )
}

fn hub_message(event: &Event, kind: &EventKind) -> Option<HubMessage> {
    match kind {
        EventKind::Connected { .. } => Some(connection(event, "deviceConnected")),
        EventKind::Disconnected { .. } => Some(connection(event, "deviceDisconnected")),
        EventKind::Registry { change, etag, .. } => Some(lifecycle(event, *change, etag)),
        EventKind::Reported {
            patch,
            version,
            twin_version,
        } => {
            let reported = changed_section(patch, event.enqueued, *version, TwinSection::Reported);
            let properties = object([("reported", reported)]);
            Some(twin_change(
                false,
                *twin_version,
                ("properties", properties),
            ))
        }
        EventKind::Desired(change) => {
            let desired = changed_section(
                &change.patch,
                event.enqueued,
                change.version,
                TwinSection::Desired,
            );
            let properties = ("properties", object([("desired", desired)]));
            Some(twin_change(
                change.replaced,
                change.twin_version,
                properties,
            ))
        }
        EventKind::Tags(change) => {
            let tags = ("tags", change.patch.clone());
            Some(twin_change(change.replaced, change.twin_version, tags))
        }
        EventKind::Telemetry(_) | EventKind::Command { .. } | EventKind::Fault { .. } => None,
    }
}

/// Makes a connection event, whose sequence number is hexadecimal text that grows.
fn connection(event: &Event, operation: &'static str) -> HubMessage {
    HubMessage {
        source: "deviceConnectionStateEvents",
        operation,
        schema: "deviceConnectionStateNotification",
        body: JsonText::of(&json!({"sequenceNumber": format!("{:064X}", event.sequence)})),
    }
}

fn lifecycle(event: &Event, change: RegistryChange, etag: &str) -> HubMessage {
    let operation = match change {
        RegistryChange::Created => "createDeviceIdentity",
        // Azure has no event for this.
        RegistryChange::Updated => "updateDeviceIdentity",
        RegistryChange::Deleted => "deleteDeviceIdentity",
    };
    HubMessage {
        source: "deviceLifecycleEvents",
        operation,
        schema: "deviceLifecycleNotification",
        body: JsonText::of(&json!({"deviceId": event.device_id, "etag": etag})),
    }
}

fn twin_change(replaced: bool, version: u64, (name, change): (&str, JsonObject)) -> HubMessage {
    HubMessage {
        source: "twinChangeEvents",
        operation: if replaced {
            "replaceTwin"
        } else {
            "updateTwin"
        },
        schema: "twinChangeNotification",
        body: JsonText::of(&object([
            ("version", version.into()),
            (name, change.into()),
        ])),
    }
}

fn routed(event: &Event, hub: &str, message: &HubMessage) -> JsonText {
    let correlation = format!("{:x}", event.sequence);
    let system = system([
        ("content_encoding", Some("utf-8")),
        ("content_type", Some("application/json")),
        ("correlation_id", Some(&correlation)),
        ("user_id", Some(hub)),
    ]);
    let application = json!({
        "hubName": hub,
        "deviceId": event.device_id,
        "operationTimestamp": format_timestamp(event.enqueued),
        "iothub-message-schema": message.schema,
        "opType": message.operation,
    });
    envelope(
        event,
        "",
        "",
        json!({"system": system, "application": application}),
        annotations(event, message.source),
        message.body.clone(),
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
        ("x-opt-offset", event.sequence.to_string().into()),
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

fn envelope(
    event: &Event,
    model_id: &str,
    component: &str,
    properties: Value,
    annotations: Map<String, Value>,
    payload: JsonText,
) -> JsonText {
    let event = members([
        ("origin", JsonText::of(&event.device_id)),
        ("module", JsonText::of("")),
        ("interface", JsonText::of(model_id)),
        ("component", JsonText::of(component)),
        ("properties", JsonText::of(&properties)),
        ("annotations", JsonText::of(&annotations)),
    ]);
    let payload = [("payload".to_owned(), payload)];
    let event: Members = event.into_iter().chain(payload).collect();
    JsonText::of(&members([("event", JsonText::of(&event))]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        events::TwinChange,
        faults::Faults,
        json::JsonValue,
        store::{Retention, Store, StoreLocation},
    };

    /// Makes a hub whose device has announced no model.
    fn hub() -> Hub {
        let keep = Retention {
            age: Duration::MAX,
            bytes: u64::MAX,
        };
        let store = Store::open(&StoreLocation::Memory, keep).unwrap();
        Hub::open(["localhost"], Faults::default(), store).unwrap()
    }

    fn of(kind: EventKind) -> Option<Value> {
        let event_of = Event {
            sequence: 72,
            enqueued: "2026-06-01T18:43:04Z".parse().unwrap(),
            device_id: "t-1".into(),
            kind,
        };
        event(&event_of, &hub()).map(|json| serde_json::from_str(json.as_str()).unwrap())
    }

    #[test]
    fn telemetry_has_its_properties_and_payload() {
        let message = D2cMessage {
            content_type: Some("application/json".into()),
            component: Some("thermostat1".into()),
            creation_time: Some("2026-06-01T18:40:00Z".into()),
            user_id: Some("u1".into()),
            properties: vec![("a".into(), "b".into())],
            body: "{\"t\":21}".into(),
            ..D2cMessage::default()
        };
        let event = &of(EventKind::Telemetry(message)).unwrap()["event"];
        assert_eq!(event["origin"], "t-1");
        assert_eq!(event["component"], "thermostat1");
        assert_eq!(event["payload"], json!({"t": 21}));
        let application = json!({"a": "b", "iothub-creation-time-utc": "2026-06-01T18:40:00Z"});
        assert_eq!(event["properties"]["application"], application);
        let system = json!({"content_type": "application/json", "user_id": "u1"});
        assert_eq!(event["properties"]["system"], system);
        assert_eq!(event["annotations"]["iothub-message-source"], "Telemetry");
        assert_eq!(
            event["annotations"]["iothub-enqueuedtime"],
            1_780_339_384_000_u64
        );
    }

    #[test]
    fn what_the_hub_says_itself_is_told_by_source_and_operation() {
        let change = TwinChange {
            patch: object([("a", 1.into())]),
            replaced: true,
            version: 3,
            twin_version: 7,
        };
        let gone = EventKind::Disconnected {
            reason: "x".into(),
            since: None,
        };
        for (kind, source, operation) in [
            (gone, "deviceConnectionStateEvents", "deviceDisconnected"),
            (
                EventKind::Desired(change),
                "twinChangeEvents",
                "replaceTwin",
            ),
        ] {
            let event = &of(kind).unwrap()["event"];
            assert_eq!(event["annotations"]["iothub-message-source"], source);
            assert_eq!(event["properties"]["application"]["opType"], operation);
        }
    }

    #[test]
    fn a_change_of_a_twin_comes_with_its_metadata() {
        let patch = object([("a", 1.into()), ("gone", JsonValue::Null)]);
        let reported = EventKind::Reported {
            patch,
            version: 2,
            twin_version: 3,
        };
        let event = &of(reported).unwrap()["event"];
        let at = json!({"$lastUpdated": "2026-06-01T18:43:04.000Z"});
        assert_eq!(event["payload"]["version"], 3);
        let reported = &event["payload"]["properties"]["reported"];
        assert_eq!(reported["a"], 1);
        assert_eq!(reported["gone"], Value::Null);
        assert_eq!(reported["$version"], 2);
        assert_eq!(reported["$metadata"]["a"], at);
    }

    #[test]
    fn what_iot_hub_does_not_route_is_left_out() {
        let command = EventKind::Command {
            name: "m".into(),
            payload: None,
            outcome: Err("x".into()),
            milliseconds: 1,
        };
        assert_eq!(of(command), None);
    }
}
