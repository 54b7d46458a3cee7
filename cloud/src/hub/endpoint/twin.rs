//! Twin requests of a device.

use serde_json::json;

use super::{DeviceEndpoint, REORDER_TIMEOUT};
use crate::{
    clock::now,
    events::EventKind,
    faults::Fault,
    hub::{Error, held_packets::ReleaseOn, topic},
    json::{JsonObject, JsonValue, read},
    mqtt::{Close, Replies},
};

/// The padding of a twin under oversize-twin in bytes, unless the fault sets one: more than any twin of Azure has.
const DEFAULT_TWIN_PADDING: u32 = 512 * 1024;

impl DeviceEndpoint {
    pub(super) fn on_twin_get(&mut self, rid: &str) -> Replies {
        if self.has_fault(&Fault::ThrottleTwin) {
            return self.reject(rid, &Error::Throttled);
        }
        let mut twin = self
            .connection
            .with_entry(|entry, _| entry.twin.device_json())?;
        self.pad(&mut twin);
        let answer = self.send(topic::twin_result(200, rid, None), twin.to_string().into())?;
        if self.has_fault(&Fault::WithholdTwin) {
            return Ok(Vec::new());
        }
        if self.has_fault(&Fault::TwinRace) {
            for packet in answer {
                self.held.hold(packet, ReleaseOn::Desired, REORDER_TIMEOUT);
            }
            return Ok(Vec::new());
        }
        Ok(answer)
    }

    fn pad(&self, twin: &mut JsonValue) {
        let bytes = self.fault(|fault| match fault {
            Fault::OversizeTwin { bytes } => Some(bytes.unwrap_or(DEFAULT_TWIN_PADDING)),
            _ => None,
        });
        let members = twin.as_object_mut();
        let desired = members.and_then(|members| members.get_mut("desired"));
        let desired = desired.and_then(JsonValue::as_object_mut);
        if let (Some(bytes), Some(desired)) = (bytes, desired) {
            let padding = "x".repeat(bytes as usize);
            desired.shift_insert(0, "oversize".into(), padding.into());
        }
    }

    pub(super) fn on_report(&mut self, rid: &str, payload: &[u8]) -> Replies {
        if self.has_fault(&Fault::ThrottleTwin) {
            return self.reject(rid, &Error::Throttled);
        }
        let outcome = self.report(payload)?;
        if self.has_fault(&Fault::WithholdAcks) || self.has_fault(&Fault::WithholdTwin) {
            return Ok(Vec::new());
        }
        match outcome {
            Ok(version) => self.send(topic::twin_result(204, rid, Some(version)), Vec::new()),
            Err(error) => self.reject(rid, &error),
        }
    }

    fn reject(&self, rid: &str, error: &Error) -> Replies {
        let topic = topic::twin_result(error.status(), rid, None);
        self.send(topic, error_json(error).to_string().into())
    }

    fn report(&self, payload: &[u8]) -> Result<Result<u64, Error>, Close> {
        let Ok(patch) = read::<JsonObject>(payload) else {
            let why = "the reported patch is not a JSON object, or nests too deep".into();
            return Ok(Err(Error::ArgumentInvalid(why)));
        };
        self.connection.with_entry(|entry, store| {
            let version = entry.twin.report(patch.clone(), now())?;
            let reported = EventKind::Reported {
                patch,
                version,
                twin_version: entry.twin.version(),
            };
            store.record(&entry.device.device_id, reported);
            entry.persist(store);
            Ok(version)
        })
    }
}

fn error_json(error: &Error) -> serde_json::Value {
    json!({
        "errorCode": error.code(),
        "trackingId": format!("{:032X}", rand::random::<u128>()),
        "message": error.to_string(),
        "timestampUtc": now(),
    })
}
