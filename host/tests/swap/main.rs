//! One version in the place of another, on a scripted transport and a virtual clock: each step of a swap, and what it does
//! to record, timers, commands and the connection.

mod candidate;
mod probation;
mod rollback;
#[path = "../scripted/mod.rs"]
mod scripted;
mod undone;

use std::{path::PathBuf, sync::Arc, time::Duration};

use host::{
    clock::VirtualClock,
    contract::behaviour::CallFailure,
    mqtt::{
        Incoming, Receipt,
        scripted::{ClientPacket, ScriptedConnection},
    },
    status::Status,
    store::{Backend, DeviceStore, MemoryBackend, PersistedState, Retention},
    swap::{DeviceRequest, ProbationPolicy, SwapConfig, SwapRequest},
    versions::{
        Fallback, FallbackState, HistoryEntry, RunningVersion, SwapSource, SwapStep, VersionInfo,
        Versions,
    },
};
use scripted::{
    Bench, HOUR, Scripted, call, command_name, put_together, reply, with_connection_string,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// A device that can be told to swap.
struct Site {
    bench: Bench,
    hub: ScriptedConnection,
    requests: mpsc::Sender<DeviceRequest<Scripted>>,
}

/// Steps of one request.
type Steps = mpsc::UnboundedReceiver<HistoryEntry>;

const POLICY: ProbationPolicy = ProbationPolicy {
    time: Duration::from_secs(30),
    events: 2,
};

async fn site(behaviour: &Scripted) -> Site {
    site_with(behaviour, PersistedState::default()).await
}

async fn site_with(behaviour: &Scripted, kept: PersistedState) -> Site {
    let (requests, swap) = swap_config();
    connected(begin(behaviour, swap, kept), requests).await
}

/// A site where a version is on probation under this policy.
async fn site_under(policy: ProbationPolicy, behaviour: &Scripted) -> Site {
    let (requests, swap) = swap_config();
    let swap = SwapConfig {
        probation: policy,
        ..swap
    };
    connected(begin(behaviour, swap, PersistedState::default()), requests).await
}

async fn site_on(behaviour: &Scripted, backend: Box<dyn Backend>) -> Site {
    let (requests, swap) = swap_config();
    let bench = begin_on(behaviour, swap, PersistedState::default(), backend);
    connected(bench, requests).await
}

fn swap_config() -> (mpsc::Sender<DeviceRequest<Scripted>>, SwapConfig<Scripted>) {
    let (requests, device_requests) = mpsc::channel(16);
    let swap = SwapConfig {
        requests: Some(device_requests),
        probation: POLICY,
        ..SwapConfig::default()
    };
    (requests, swap)
}

fn begin(behaviour: &Scripted, swap: SwapConfig<Scripted>, kept: PersistedState) -> Bench {
    begin_on(behaviour, swap, kept, Box::new(MemoryBackend::default()))
}

fn begin_on(
    behaviour: &Scripted,
    swap: SwapConfig<Scripted>,
    kept: PersistedState,
    backend: Box<dyn Backend>,
) -> Bench {
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), 24 * HOUR);
    let store = DeviceStore::new(backend, kept, Retention::default(), &clock);
    let identity = with_connection_string();
    let on = Arc::new(clock.clone());
    let (device, server) = put_together(identity, behaviour, swap, store, on);
    let device = tokio::spawn(device.run(clock.stopped()));
    Bench {
        clock,
        server,
        device,
    }
}

async fn connected(mut bench: Bench, requests: mpsc::Sender<DeviceRequest<Scripted>>) -> Site {
    let hub = bench.connected().await;
    Site {
        bench,
        hub,
        requests,
    }
}

fn request() -> SwapRequest {
    SwapRequest {
        source: SwapSource::Command,
        file: PathBuf::from("new.wasm"),
        force: false,
        fresh_state: false,
        allow_model_change: false,
        step_sender: None,
    }
}

async fn next(steps: &mut Steps) -> HistoryEntry {
    steps.recv().await.expect("a step")
}

async fn status(requests: &mpsc::Sender<DeviceRequest<Scripted>>) -> Status {
    let (to, status) = oneshot::channel();
    let request = DeviceRequest::Status(to);
    requests.send(request).await.expect("the device runs");
    *status.await.expect("the device runs")
}

/// The steps up to and with this one.
async fn until(steps: &mut Steps, step: SwapStep) -> Vec<SwapStep> {
    let mut seen = vec![];
    loop {
        seen.push(next(steps).await.step);
        if seen.last() == Some(&step) {
            return seen;
        }
    }
}

impl Site {
    async fn swap(&self, to: &Scripted) -> Steps {
        self.swap_as(to, request()).await
    }

    async fn swap_as(&self, to: &Scripted, request: SwapRequest) -> Steps {
        let (step_sender, steps) = mpsc::unbounded_channel();
        let request = SwapRequest {
            step_sender: Some(step_sender),
            ..request
        };
        let request = DeviceRequest::Swap(to.clone(), request);
        self.requests.send(request).await.expect("the device runs");
        steps
    }

    async fn roll_back(&self) -> Steps {
        let (step_sender, steps) = mpsc::unbounded_channel();
        self.requests
            .send(DeviceRequest::Rollback(step_sender))
            .await
            .expect("the device runs");
        steps
    }

    /// Hands over this version for a rollback.
    async fn loaded(&self, version: &Scripted) {
        let request = DeviceRequest::RollbackTarget(version.clone());
        self.requests.send(request).await.expect("the device runs");
    }

    /// Begins with `b` on probation until it is accepted, in the place of what runs.
    async fn accepts(&mut self, b: &Scripted) {
        let mut steps = self.swap(b).await;
        until(&mut steps, SwapStep::Started).await;
        for name in ["one", "two"] {
            assert_eq!(self.call(name).await.0, "200");
        }
        until(&mut steps, SwapStep::Accepted).await;
    }

    /// Delivers a cloud-to-device message with this number.
    fn deliver(&self, number: u16, body: &'static str) {
        self.hub.send(Incoming::Message {
            topic: "devices/d/messages/devicebound/$.mid=x".to_owned(),
            payload: body.into(),
            receipt: Some(Receipt(number)),
        });
    }

    /// Changes desired properties.
    fn desire(&self, version: u64, properties: &Value) {
        let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
        self.hub.publish(&topic, properties.to_string());
    }

    /// The next thing the device sends that `test` makes something of; the twin it asks for meanwhile has these desired
    /// properties.
    async fn sent<T>(&mut self, desired: &Value, test: impl Fn(&ClientPacket) -> Option<T>) -> T {
        loop {
            let sent = self.hub.next().await.expect("the connection stands");
            let found = test(&sent);
            if let ClientPacket::Publish {
                topic, delivery, ..
            } = sent
            {
                self.settle_with(&topic, delivery, desired);
            }
            if let Some(found) = found {
                return found;
            }
        }
    }

    async fn status(&self) -> Status {
        status(&self.requests).await
    }

    async fn runs(&self) -> String {
        self.status().await.running.expect("a version").info.sha256
    }

    /// Calls a command, and returns status and body of the answer. What else the device sends is acknowledged.
    async fn call(&mut self, name: &str) -> (String, String) {
        call(&self.hub, name, "1");
        self.answer().await
    }

    /// The next answer to a command.
    async fn answer(&mut self) -> (String, String) {
        loop {
            let Some(ClientPacket::Publish {
                topic,
                payload,
                delivery,
            }) = self.hub.next().await
            else {
                panic!("no answer");
            };
            if let Some(answer) = topic.strip_prefix("$iothub/methods/res/") {
                let status = answer.split('/').next().unwrap().to_owned();
                return (status, String::from_utf8(payload.to_vec()).unwrap());
            }
            self.settle(&topic, delivery);
        }
    }

    fn settle(&self, topic: &str, delivery: host::mqtt::Delivery) {
        self.settle_with(topic, delivery, &json!({ "$version": 1 }));
    }

    fn settle_with(&self, topic: &str, delivery: host::mqtt::Delivery, desired: &Value) {
        if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
            let twin = json!({ "desired": desired, "reported": {} }).to_string();
            self.hub
                .publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
        } else if let Some(request) =
            topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=")
        {
            let topic = format!("$iothub/twin/res/204/?$rid={request}&$version=2");
            self.hub.publish(&topic, "");
        } else if let host::mqtt::Delivery::AtLeastOnce(number) = delivery {
            self.hub.send(Incoming::Acknowledged(number));
        }
    }
}

/// Appends the names of its commands to its record, and answers with it.
fn recorder() -> Scripted {
    Scripted::new(|event, record| {
        let record = format!("{record}+{}", command_name(&event));
        reply(&record, &record)
    })
}

/// What an accepted version, and the one before it, leave behind.
fn versions(running: &str, fallback: Option<(&str, &str)>, previous: Option<&str>) -> Versions {
    let version = |sha256: &str| RunningVersion {
        info: VersionInfo {
            name: "scripted".into(),
            version: "1".into(),
            model_id: "dtmi:example:Scripted;1".into(),
            sha256: sha256.into(),
        },
        since: jiff::Timestamp::UNIX_EPOCH,
    };
    Versions {
        settings: None,
        running: Some(version(running)),
        fallback: fallback.map(|(sha256, record)| Fallback {
            version: version(sha256),
            state: FallbackState {
                record: Some(record.to_owned()),
                ..FallbackState::default()
            },
            unclean_exits: 0,
            clean_exit: false,
        }),
        previous: previous.map(version),
        ..Versions::default()
    }
}

/// The same, but a command `trap` or `err` fails.
fn failing() -> Scripted {
    Scripted::new(|event, record| match command_name(&event) {
        "trap" => Err(CallFailure::Trap("it is broken".to_owned())),
        "err" => Err(CallFailure::Error("it will not".to_owned())),
        name => {
            let record = format!("{record}+{name}");
            reply(&record, &record)
        }
    })
}

fn ok(text: &str) -> (String, String) {
    ("200".to_owned(), json!(text).to_string())
}
