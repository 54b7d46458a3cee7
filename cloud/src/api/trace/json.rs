//! Trace records as JSON.

use serde_json::{Value, json};

use super::feed::TraceItem;
use crate::{
    api::content,
    json::{JsonText, Members, members},
    mqtt::{Connect, Packet, Publish, Subscribe},
    trace::{PacketDirection, PacketRecord, RequestRecord, Subject, TraceRecord, describe_topic},
};

/// Converts an item of the feed.
pub(super) fn item(item: &TraceItem) -> JsonText {
    match item {
        TraceItem::Record(one) => JsonText::of(&record(one)),
        TraceItem::Gap { since, oldest } => {
            JsonText::of(&json!({"kind": "gap", "since": since, "oldest": oldest}))
        }
    }
}

fn record(record: &TraceRecord) -> Members {
    let device = record.device().filter(|device| !device.is_empty());
    let mut object = members([
        ("sequence", JsonText::of(&record.sequence)),
        ("time", JsonText::of(&format!("{:.6}", record.time))),
        ("device", JsonText::of(&device)),
    ]);
    let more = match &record.subject {
        Subject::Packet(packet) => {
            object.extend(of_packet(packet));
            return object;
        }
        Subject::Malformed {
            connection, reason, ..
        } => json!({"kind": "malformed", "connection": connection, "reason": reason}),
        Subject::Ended {
            connection, reason, ..
        } => json!({"kind": "ended", "connection": connection, "reason": reason}),
        Subject::Request(request) => of_request(request),
    };
    extend(&mut object, more);
    object
}

/// Adds the members of an object that are not null.
fn extend(object: &mut Members, more: Value) {
    if let Value::Object(more) = more {
        let more = more.into_iter().filter(|(_, value)| !value.is_null());
        object.extend(more.map(|(name, value)| (name, JsonText::of(&value))));
    }
}

fn of_request(request: &RequestRecord) -> Value {
    json!({
        "kind": "request",
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "durationMs": request.duration.as_secs_f64() * 1000.0,
        "console": request.from_console,
    })
}

fn of_packet(record: &PacketRecord) -> Members {
    let direction = match record.direction {
        PacketDirection::Up => "up",
        PacketDirection::Down => "down",
    };
    let (name, more) = name_and_fields(&record.packet);
    let mut object = members([
        ("kind", JsonText::of("packet")),
        ("connection", JsonText::of(&record.connection)),
        ("direction", JsonText::of(direction)),
        ("packet", JsonText::of(name)),
    ]);
    extend(&mut object, more);
    if let Packet::Publish(publish) = &record.packet {
        payload(&mut object, publish, record.size);
    }
    object
}

/// Returns the name of a packet and its fields without the payload.
fn name_and_fields(packet: &Packet) -> (&'static str, Value) {
    match packet {
        Packet::Connect(connect) => ("CONNECT", of_connect(connect)),
        Packet::ConnAck {
            session_present,
            code,
        } => (
            "CONNACK",
            json!({"code": u8::from(*code), "sessionPresent": session_present}),
        ),
        Packet::Publish(publish) => ("PUBLISH", of_publish(publish)),
        Packet::PubAck { packet_id } => ("PUBACK", json!({"packetId": packet_id})),
        Packet::Subscribe(subscribe) => ("SUBSCRIBE", of_subscribe(subscribe)),
        Packet::SubAck { packet_id, codes } => {
            ("SUBACK", json!({"packetId": packet_id, "codes": codes}))
        }
        Packet::Unsubscribe(unsubscribe) => (
            "UNSUBSCRIBE",
            json!({"packetId": unsubscribe.packet_id, "filters": unsubscribe.filters}),
        ),
        Packet::UnsubAck { packet_id } => ("UNSUBACK", json!({"packetId": packet_id})),
        Packet::PingReq => ("PINGREQ", Value::Null),
        Packet::PingResp => ("PINGRESP", Value::Null),
        Packet::Disconnect => ("DISCONNECT", Value::Null),
    }
}

fn of_connect(connect: &Connect) -> Value {
    json!({
        "cleanSession": connect.clean_session,
        "keepAlive": connect.keep_alive,
        "username": connect.username,
        "will": connect.will.as_ref().map(|will| &will.topic),
    })
}

fn of_subscribe(subscribe: &Subscribe) -> Value {
    let filters = subscribe.filters.iter();
    let filters = filters.map(|(filter, qos)| json!({"filter": filter, "qos": u8::from(*qos)}));
    json!({"packetId": subscribe.packet_id, "filters": filters.collect::<Vec<_>>()})
}

fn of_publish(publish: &Publish) -> Value {
    let mut object = describe_topic(&publish.topic);
    object.insert("topic".into(), publish.topic.as_str().into());
    object.insert("qos".into(), u8::from(publish.qos).into());
    object.insert("packetId".into(), publish.packet_id.into());
    for (name, is_set) in [("dup", publish.dup), ("retain", publish.retain)] {
        if is_set {
            object.insert(name.into(), true.into());
        }
    }
    object.into()
}

/// Inserts the payload, as JSON whenever it parses, because devices need not declare it. `size` is that of the whole payload.
fn payload(object: &mut Members, publish: &Publish, size: usize) {
    object.insert("size".into(), JsonText::of(&size));
    if size > 0 {
        content::insert(object, Some("application/json"), &publish.payload);
    }
    if size > publish.payload.len() {
        object.insert("truncated".into(), JsonText::of(&true));
    }
}
