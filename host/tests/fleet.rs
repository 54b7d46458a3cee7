//! A thousand devices of one compiled component, each an instance of its own, through a day of virtual time: every
//! message, command and desired change is accounted for. `SOAK=1` takes the sample's period of 8 s.

mod common;

use std::{collections::HashSet, sync::Arc, time::Duration};

use common::{Lab, thermostat};
use host::{
    clock::VirtualClock,
    device::{ConnectionConfig, Device, DeviceConfig, Identity},
    guest::{Component, Limits, Wasi},
    mqtt::{
        Delivery, Incoming,
        scripted::{self, ClientPacket, ScriptedConnection, ScriptedServer, ScriptedTransport},
    },
    provision::{dps::Assignment, sas::SymmetricKey},
    store::{DeviceStore, MemoryBackend, PersistedState, Retention},
};
use serde_json::{Value, json};
use tokio::{runtime::Builder, task::LocalSet};

const DEVICES: usize = 1000;
const DAY: Duration = Duration::from_secs(86_400);
/// The operator calls after so many messages, sets after so many, and the link breaks after so many.
const CALL_EVERY: usize = 100;
const SET_EVERY: usize = 240;
const BREAK_EVERY: usize = 500;

/// A hub for one device, which keeps the books.
#[derive(Default)]
struct Hub {
    messages: HashSet<String>,
    temperatures: Vec<f64>,
    reported_max: f64,
    desired: u64,
    acknowledged: u64,
    called: usize,
    answered: usize,
    connections: usize,
}

impl Hub {
    async fn serve(mut self, mut server: ScriptedServer) -> Self {
        while let Some(attempt) = server.next().await {
            self.connections += 1;
            let mut connection = attempt.accept();
            while let Some(sent) = connection.next().await {
                if !self.take(&connection, sent) {
                    break;
                }
            }
        }
        self
    }

    /// False breaks the connection.
    fn take(&mut self, connection: &ScriptedConnection, sent: ClientPacket) -> bool {
        match sent {
            ClientPacket::Subscribe(_) => connection.send(Incoming::Subscribed { refused: vec![] }),
            ClientPacket::Publish {
                topic,
                payload,
                delivery,
            } => {
                if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
                    let twin = json!({ "desired": self.document(), "reported": {} });
                    connection.publish(
                        &format!("$iothub/twin/res/200/?$rid={request}"),
                        twin.to_string(),
                    );
                } else if let Some(request) =
                    topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=")
                {
                    self.report(&serde_json::from_slice(&payload).unwrap());
                    connection.publish(
                        &format!("$iothub/twin/res/204/?$rid={request}&$version=1"),
                        "",
                    );
                } else if topic.starts_with("$iothub/methods/res/200/") {
                    self.answer(&serde_json::from_slice(&payload).unwrap());
                } else if let Delivery::AtLeastOnce(number) = delivery {
                    return self.message(connection, &topic, &payload, number);
                } else {
                    panic!("unexpected {topic}");
                }
            }
            ClientPacket::Acknowledge(_) | ClientPacket::Disconnect => {}
        }
        true
    }

    fn document(&self) -> Value {
        if self.desired == 0 {
            return json!({ "$version": 1 });
        }
        json!({ "targetTemperature": self.target(), "$version": self.desired + 1 })
    }

    fn target(&self) -> f64 {
        20.0 + (self.desired % 10) as f64
    }

    fn message(
        &mut self,
        connection: &ScriptedConnection,
        topic: &str,
        payload: &[u8],
        number: u64,
    ) -> bool {
        let id = topic
            .split('&')
            .find_map(|pair| pair.strip_prefix("$.mid="))
            .unwrap()
            .to_owned();
        if self.messages.insert(id) {
            let body: Value = serde_json::from_slice(payload).unwrap();
            self.temperatures
                .push(body["temperature"].as_f64().unwrap());
            let count = self.messages.len();
            if count.is_multiple_of(BREAK_EVERY) {
                return false;
            }
            if count.is_multiple_of(CALL_EVERY) {
                self.called += 1;
                connection.publish(
                    &format!("$iothub/methods/POST/getMaxMinReport/?$rid={count:x}"),
                    "null",
                );
            }
            if count.is_multiple_of(SET_EVERY) {
                self.desired += 1;
                let patch =
                    json!({ "targetTemperature": self.target(), "$version": self.desired + 1 });
                let topic = format!(
                    "$iothub/twin/PATCH/properties/desired/?$version={}",
                    self.desired + 1
                );
                connection.publish(&topic, patch.to_string());
            }
        }
        connection.send(Incoming::Acknowledged(number));
        true
    }

    fn report(&mut self, report: &Value) {
        if let Some(max) = report["maxTempSinceLastReboot"].as_f64() {
            self.reported_max = max;
        }
        let acknowledgment = &report["targetTemperature"];
        if acknowledgment["av"] == json!(self.desired + 1) {
            assert_eq!(acknowledgment["ac"], 200);
            assert_eq!(acknowledgment["value"], self.target());
            self.acknowledged = self.desired;
        }
    }

    /// The figures of a report are those of the messages sent so far.
    fn answer(&mut self, report: &Value) {
        self.answered += 1;
        let max = self.temperatures.iter().copied().fold(f64::MIN, f64::max);
        let min = self.temperatures.iter().copied().fold(f64::MAX, f64::min);
        assert_eq!(report["maxTemp"], max);
        assert_eq!(report["minTemp"], min);
    }
}

fn device(
    component: &Component,
    number: usize,
    period: Duration,
    transport: ScriptedTransport,
    clock: &Arc<VirtualClock>,
) -> Device<Component, ScriptedTransport> {
    let id = format!("thermostat-{number:04}");
    Device::new(DeviceConfig {
        name: id.as_str().into(),
        behaviour: component.clone(),
        settings: vec![(
            "telemetry-interval".to_owned(),
            format!("{}s", period.as_secs()),
        )]
        .into(),
        identity: Identity::Hub {
            assignment: Assignment {
                hub: "hub.example".to_owned(),
                device_id: id,
            },
            key: SymmetricKey::parse("c2VjcmV0").unwrap(),
        },
        transport,
        connection: ConnectionConfig::default(),
        store: DeviceStore::new(
            Box::new(MemoryBackend::default()),
            PersistedState::default(),
            Retention::default(),
            clock,
        ),
        clock: Arc::new(clock.clone()),
        seed: Some(number as u64),
        swap: host::swap::SwapConfig::default(),
        limits: Arc::default(),
        observer: Arc::new(|_| {}),
    })
}

#[test]
fn a_day_of_a_thousand_devices_is_accounted_for() {
    let soak = std::env::var_os("SOAK").is_some();
    let period = Duration::from_secs(if soak { 8 } else { 60 });
    let guests = Builder::new_multi_thread().enable_all().build().unwrap();
    let component = guests.block_on(async {
        Lab::new(Limits::default(), Wasi::LogOnly)
            .load(&thermostat())
            .await
            .unwrap()
    });
    let network = Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();

    let begun = std::time::Instant::now();
    let hubs = local.block_on(&network, async {
        let mut serving = Vec::new();
        for number in 0..DEVICES {
            // Half a period more, so that the last tick is not at the very end.
            let clock =
                VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), DAY + period / 2);
            let (transport, server) = scripted::pair();
            let device = device(&component, number, period, transport, &clock);
            let stopped = clock.stopped();
            tokio::task::spawn_local(async move { device.run(stopped).await.unwrap() });
            serving.push(tokio::task::spawn_local(Hub::default().serve(server)));
        }
        let mut hubs = Vec::new();
        for hub in serving {
            hubs.push(hub.await.unwrap());
        }
        hubs
    });
    let events = hubs.iter().map(|hub| hub.messages.len()).sum::<usize>();
    println!(
        "{events} messages of {DEVICES} devices in {:.1} s",
        begun.elapsed().as_secs_f64()
    );

    let ticks = DAY.as_secs() / period.as_secs();
    for hub in hubs {
        assert_eq!(
            hub.messages.len() as u64,
            ticks + 1,
            "the first measurement and one for each tick"
        );
        assert_eq!(hub.answered, hub.called);
        assert!(hub.called >= 10);
        assert_eq!(hub.acknowledged, hub.desired);
        assert!(hub.desired >= 5);
        assert!(hub.connections >= 3);
        assert_eq!(
            hub.reported_max,
            hub.temperatures.iter().copied().fold(f64::MIN, f64::max)
        );
    }
}
