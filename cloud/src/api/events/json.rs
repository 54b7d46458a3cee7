//! Events as JSON, for the command line and the console.

use indexmap::IndexMap;

use crate::{
    api::content,
    clock::format_timestamp,
    events::{D2cMessage, Event, EventKind, TwinChange},
    json::{JsonText, Members, members},
};

pub(super) fn event(event: &Event) -> JsonText {
    let device = (!event.device_id.is_empty()).then_some(&event.device_id);
    let mut object = members([
        ("sequence", JsonText::of(&event.sequence)),
        ("device", JsonText::of(&device)),
        ("type", JsonText::of(event.kind.name())),
        ("enqueued", JsonText::of(&format_timestamp(event.enqueued))),
    ]);
    object.extend(details(&event.kind));
    JsonText::of(&object)
}

/// Makes the notice of a gap: of the events after `since`, those before `complete_from` may be deleted.
pub(super) fn gap(since: u64, complete_from: u64) -> JsonText {
    JsonText::of(&members([
        ("type", JsonText::of("gap")),
        ("since", JsonText::of(&since)),
        ("completeFrom", JsonText::of(&complete_from)),
    ]))
}

/// Returns the members of this kind of event.
pub(super) fn details(kind: &EventKind) -> Members {
    match kind {
        EventKind::Connected {
            model_id,
            session_present,
        } => members([
            ("modelId", JsonText::of(model_id)),
            ("sessionPresent", JsonText::of(session_present)),
        ]),
        EventKind::Disconnected { reason, since } => members([
            ("reason", JsonText::of(reason)),
            ("since", JsonText::of(since)),
        ]),
        EventKind::Reported {
            patch,
            version,
            twin_version,
        } => members([
            ("patch", JsonText::of(patch)),
            ("version", JsonText::of(version)),
            ("twinVersion", JsonText::of(twin_version)),
        ]),
        EventKind::Desired(change) => desired(change),
        EventKind::Tags(change) => tags(change),
        EventKind::Telemetry(message) => telemetry(message),
        EventKind::Command {
            name,
            payload,
            outcome,
            milliseconds,
        } => {
            let reply = outcome.as_ref().ok();
            let response = reply.and_then(|reply| reply.payload.as_ref());
            members([
                ("name", JsonText::of(name)),
                ("payload", JsonText::of(payload)),
                ("status", JsonText::of(&reply.map(|reply| reply.status))),
                ("response", JsonText::of(&response)),
                ("error", JsonText::of(&outcome.as_ref().err())),
                ("durationMs", JsonText::of(milliseconds)),
            ])
        }
        EventKind::Registry {
            generation_id,
            etag,
            status,
            ..
        } => members([
            ("generationId", JsonText::of(generation_id)),
            ("etag", JsonText::of(etag)),
            ("status", JsonText::of(status)),
        ]),
        EventKind::Fault { fault, .. } => members([("fault", JsonText::of(fault))]),
    }
}

fn desired(change: &TwinChange) -> Members {
    members([
        ("desired", JsonText::of(&change.patch)),
        ("replaced", JsonText::of(&change.replaced.then_some(true))),
        ("version", JsonText::of(&change.version)),
        ("twinVersion", JsonText::of(&change.twin_version)),
    ])
}

fn tags(change: &TwinChange) -> Members {
    members([
        ("tags", JsonText::of(&change.patch)),
        ("replaced", JsonText::of(&change.replaced.then_some(true))),
        ("twinVersion", JsonText::of(&change.twin_version)),
    ])
}

fn telemetry(message: &D2cMessage) -> Members {
    let mut object = members([
        ("messageId", JsonText::of(&message.message_id)),
        ("correlationId", JsonText::of(&message.correlation_id)),
        ("contentType", JsonText::of(&message.content_type)),
        ("contentEncoding", JsonText::of(&message.content_encoding)),
        ("creationTime", JsonText::of(&message.creation_time)),
        ("component", JsonText::of(&message.component)),
        ("userId", JsonText::of(&message.user_id)),
        ("expiryTime", JsonText::of(&message.expiry_time)),
        ("to", JsonText::of(&message.to)),
        ("properties", JsonText::of(&properties(message))),
    ]);
    content::insert(&mut object, message.content_type.as_deref(), &message.body);
    object
}

pub(super) fn properties(message: &D2cMessage) -> IndexMap<&str, &str> {
    let properties = message.properties.iter();
    properties
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
