//! What a device asks of its twin.

use serde_json::{Value, json};

use super::{Answer, Endpoint, OUT_OF_ORDER};
use crate::faults::Fault;
use crate::hub::Error;
use crate::hub::held::Until;
use crate::hub::{EventKind, now, topic};
use crate::json::read;
use crate::mqtt::Close;

/// What makes a twin larger than any of Azure's, if nothing else was asked for, in bytes.
const OVERSIZE: u32 = 512 * 1024;

impl Endpoint {
    pub(super) fn on_twin_get(&mut self, rid: &str) -> Answer {
        if self.suffers(&Fault::ThrottleTwin) {
            return self.refuse(rid, &Error::Throttled);
        }
        let mut twin = self.link.with(|entry, _| entry.twin.device_json())?;
        self.oversize(&mut twin);
        let answer = self.send(topic::twin_result(200, rid, None), twin.to_string().into())?;
        if self.suffers(&Fault::WithholdTwin) {
            return Ok(Vec::new());
        }
        if self.suffers(&Fault::TwinRace) {
            for packet in answer {
                self.held.hold(packet, Until::Desired, OUT_OF_ORDER);
            }
            return Ok(Vec::new());
        }
        Ok(answer)
    }

    fn oversize(&self, twin: &mut Value) {
        let bytes = self.fault(|fault| match fault {
            Fault::OversizeTwin { bytes } => Some(bytes.unwrap_or(OVERSIZE)),
            _ => None,
        });
        let desired = twin.get_mut("desired").and_then(Value::as_object_mut);
        if let (Some(bytes), Some(desired)) = (bytes, desired) {
            desired.insert("oversize".into(), "x".repeat(bytes as usize).into());
        }
    }

    pub(super) fn on_report(&mut self, rid: &str, payload: &[u8]) -> Answer {
        if self.suffers(&Fault::ThrottleTwin) {
            return self.refuse(rid, &Error::Throttled);
        }
        let outcome = self.report(payload)?;
        if self.suffers(&Fault::WithholdAcks) || self.suffers(&Fault::WithholdTwin) {
            return Ok(Vec::new());
        }
        match outcome {
            Ok(version) => self.send(topic::twin_result(204, rid, Some(version)), Vec::new()),
            Err(error) => self.refuse(rid, &error),
        }
    }

    fn refuse(&self, rid: &str, error: &Error) -> Answer {
        let topic = topic::twin_result(error.status(), rid, None);
        self.send(topic, error_json(error).to_string().into())
    }

    fn report(&self, payload: &[u8]) -> Result<Result<u64, Error>, Close> {
        let patch: Value = match read(payload) {
            Ok(patch) => patch,
            Err(_) => {
                let why = "the reported properties are no JSON, or nest too deep".into();
                return Ok(Err(Error::ArgumentInvalid(why)));
            }
        };
        self.link.with(|entry, store| {
            let version = entry.twin.report(&patch, now())?;
            let reported = EventKind::Reported {
                patch,
                version,
                twin_version: entry.twin.version(),
            };
            store.record(&entry.device.device_id, reported);
            entry.keep(store);
            Ok(version)
        })
    }
}

fn error_json(error: &Error) -> Value {
    json!({
        "errorCode": error.code(),
        "trackingId": format!("{:032X}", rand::random::<u128>()),
        "message": error.to_string(),
        "timestampUtc": now(),
    })
}
