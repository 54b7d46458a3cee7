//! The MQTT endpoint of DPS for one device: packets in, packets out. No I/O.

use std::convert::Infallible;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AttestedDevice, Dps, RegistrationId, now};
use crate::{
    faults::Fault,
    hub::topic,
    json::read,
    mqtt::{Close, Endpoint, Packet, Publish, Qos, Replies, Subscribe},
};

const RESPONSES: &str = "$dps/registrations/res/#";
const REGISTER: &str = "$dps/registrations/PUT/iotdps-register/";
const STATUS: &str = "$dps/registrations/GET/iotdps-get-operationstatus/";
/// The `retry-after` of a throttled device in seconds, unless the fault sets one.
const DEFAULT_RETRY_AFTER: u32 = 3;
/// The SUBACK return code of a refused filter.
const SUBACK_FAILURE: u8 = 0x80;

/// A device that registers.
pub(crate) struct RegistrationEndpoint {
    dps: Dps,
    device: AttestedDevice,
    subscribed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Register {
    registration_id: RegistrationId,
    payload: Option<Value>,
}

/// Status and body of a response.
type Outcome = (u16, Value);

impl Endpoint for RegistrationEndpoint {
    type Push = Infallible;

    fn session_present(&self) -> bool {
        false
    }

    fn opened(&mut self) -> Replies {
        Ok(Vec::new())
    }

    fn on_packet(&mut self, packet: Packet) -> Replies {
        match packet {
            Packet::Publish(publish) => self.on_publish(&publish),
            Packet::Subscribe(subscribe) => Ok(vec![self.on_subscribe(&subscribe)]),
            Packet::Unsubscribe(unsubscribe) => {
                self.subscribed &= !unsubscribe.filters.iter().any(|filter| filter == RESPONSES);
                Ok(vec![Packet::UnsubAck {
                    packet_id: unsubscribe.packet_id,
                }])
            }
            _ => Err(Close::Protocol("unexpected packet type".into())),
        }
    }

    async fn pushed(&mut self) -> Infallible {
        std::future::pending().await
    }

    fn on_push(&mut self, push: Infallible) -> Replies {
        match push {}
    }

    fn end(self, _: Close) {}
}

impl RegistrationEndpoint {
    pub(super) fn new(dps: Dps, device: AttestedDevice) -> Self {
        Self {
            dps,
            device,
            subscribed: false,
        }
    }

    fn on_subscribe(&mut self, subscribe: &Subscribe) -> Packet {
        let grant = |(filter, qos): &(String, Qos)| match filter.as_str() {
            RESPONSES => u8::from((*qos).min(Qos::AtLeastOnce)),
            _ => SUBACK_FAILURE,
        };
        let codes: Vec<_> = subscribe.filters.iter().map(grant).collect();
        self.subscribed |= codes.iter().any(|code| *code != SUBACK_FAILURE);
        Packet::SubAck {
            packet_id: subscribe.packet_id,
            codes,
        }
    }

    fn on_publish(&mut self, publish: &Publish) -> Replies {
        if publish.qos == Qos::ExactlyOnce {
            return Err(Close::Protocol("DPS does not support QoS 2".into()));
        }
        let answer = self.on_request(publish)?;
        let puback = publish
            .packet_id
            .map(|packet_id| Packet::PubAck { packet_id });
        let mut packets: Vec<_> = puback.into_iter().collect();
        packets.extend(self.subscribed.then_some(Packet::Publish(answer)));
        Ok(packets)
    }

    fn on_request(&mut self, publish: &Publish) -> Result<Publish, Close> {
        let unknown = || Close::foreign_topic(&publish.topic);
        let register = publish.topic.strip_prefix(REGISTER);
        let status = publish.topic.strip_prefix(STATUS);
        let query = register.or(status).ok_or_else(unknown)?;
        let rid = topic::rid(query).ok_or_else(unknown)?;
        let throttled = self.throttled();
        let (status, body) = match (throttled, register) {
            (Some(_), _) => error_outcome(429_001, "too many requests"),
            (None, Some(_)) => self.register(&publish.payload),
            (None, None) => self.status(query),
        };
        let retry_after = match status {
            202 => Some(self.dps.inner.config.retry_after),
            _ => throttled,
        };
        let retry_after = retry_after.map(|seconds| format!("&retry-after={seconds}"));
        let retry_after = retry_after.unwrap_or_default();
        let topic = format!("$dps/registrations/res/{status}/?$rid={rid}{retry_after}");
        Ok(Publish::at_most_once(topic, body.to_string()))
    }

    /// Returns the `retry-after` in seconds, if the device is throttled.
    fn throttled(&self) -> Option<u32> {
        self.dps
            .fault(self.device.id.as_str(), |fault| match fault {
                Fault::ThrottleDps { retry_after } => {
                    Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER))
                }
                _ => None,
            })
    }

    fn is_kept_assigning(&self) -> bool {
        let id = self.device.id.as_str();
        let kept = |fault: &Fault| (*fault == Fault::KeepAssigning).then_some(());
        self.dps.fault(id, kept).is_some()
    }

    fn register(&self, payload: &[u8]) -> Outcome {
        let request = match read::<Register>(payload) {
            Ok(request) if request.registration_id == self.device.id => request,
            _ => {
                return error_outcome(
                    400_004,
                    "the body must be JSON with the registrationId of the connection",
                );
            }
        };
        let (kind, id) = &self.device.enrollment;
        let Some(enrollment) = self.dps.find_enrollment(*kind, id) else {
            return error_outcome(401_002, "Unauthorized");
        };
        let registration = self
            .dps
            .register(&self.device, &enrollment, request.payload);
        assigning(&registration.operation_id)
    }

    fn status(&self, query: &str) -> Outcome {
        let asked = topic::parameter(query, "operationId");
        match self.dps.find_registration(&self.device.id) {
            Some(registration) if Some(&registration.operation_id) == asked.as_ref() => {
                match self.is_kept_assigning() {
                    true => assigning(&registration.operation_id),
                    false => (200, registration.operation_json()),
                }
            }
            _ => error_outcome(404_202, "operation not found"),
        }
    }
}

fn assigning(operation_id: &str) -> Outcome {
    (
        202,
        json!({"operationId": operation_id, "status": "assigning"}),
    )
}

fn error_outcome(code: u32, message: &str) -> Outcome {
    let body = json!({
        "errorCode": code,
        "trackingId": format!("{:032X}", rand::random::<u128>()),
        "message": message,
        "timestampUtc": now(),
    });
    ((code / 1000) as u16, body)
}
