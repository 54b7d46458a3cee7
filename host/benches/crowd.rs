//! What a hundred components that compute forever cost a device beside them in the same process: the time from a command to
//! its answer through the device's loop, with and without them.
#![allow(missing_docs, reason = "criterion_group! makes public functions")]

use std::{
    future::pending,
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use host::{
    clock::SystemClock,
    contract::behaviour::{Behaviour, Event, Instance, InstanceContext, Reason, Start},
    device::{ConnectionConfig, Device, DeviceConfig, Identity},
    guest::{
        Component, Limits, Sandbox, Wasi,
        compile::{Compiler, ComponentSource},
    },
    mqtt::{
        Delivery, Incoming,
        scripted::{self, ClientPacket, ScriptedConnection},
    },
    provision::{dps::Assignment, sas::SymmetricKey},
    store::{DeviceStore, MemoryBackend, PersistedState, Retention},
    swap,
};
use tokio::{runtime::Builder, task::JoinSet};

const SPINNING: usize = 100;
const EVENTS: usize = 400;
const PAUSE: Duration = Duration::from_millis(5);
/// Goal of the 99th percentile.
const GOAL: Duration = Duration::from_millis(50);

fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target")
        .join(name)
}

async fn load(sandbox: &Sandbox, compiler: &Compiler, wasm: &str) -> Component {
    let source = ComponentSource::read(&built(wasm), sandbox.limits()).expect("make build guests");
    compiler.load(sandbox, &source).await.unwrap()
}

async fn start(component: &Component) -> <Component as Behaviour>::Instance {
    let context = InstanceContext {
        device: "bench".into(),
        clock: Arc::new(SystemClock::new()),
        seed: Some(1),
        outbox_quota: None,
    };
    let start = Start {
        reason: Reason::Fresh,
        config: [].into(),
        record: None,
    };
    component.start(context, start).await.unwrap().0
}

/// Spins in one instance after the other.
async fn spin(component: Component) {
    loop {
        let event = Event::Command {
            component: None,
            name: "spin".to_owned(),
            payload: None,
        };
        let ended = start(&component).await.handle(event).await;
        assert!(ended.is_err(), "it was stopped");
    }
}

/// The hub at the other end of a device that runs.
async fn device(component: &Component) -> ScriptedConnection {
    let (transport, mut server) = scripted::pair();
    let clock = Arc::new(SystemClock::new());
    let (backend, kept) = (
        Box::new(MemoryBackend::default()),
        PersistedState::default(),
    );
    let device = Device::new(DeviceConfig {
        name: "bench".into(),
        behaviour: component.clone(),
        swap: swap::SwapConfig::default(),
        settings: [].into(),
        identity: Identity::Hub {
            assignment: Assignment {
                hub: "hub.example".to_owned(),
                device_id: "bench".to_owned(),
            },
            key: SymmetricKey::parse("c2VjcmV0").unwrap(),
        },
        transport,
        connection: ConnectionConfig::default(),
        store: DeviceStore::new(backend, kept, Retention::default(), &*clock),
        clock,
        seed: Some(1),
        limits: Arc::default(),
        observer: Arc::new(|_| {}),
    });
    tokio::spawn(device.run(pending()));
    server.next().await.unwrap().accept()
}

/// Waits for the answer to a command, and does foreverything else what a hub does.
async fn answered(hub: &mut ScriptedConnection) {
    loop {
        match hub.next().await.expect("the device runs") {
            ClientPacket::Subscribe(_) => hub.send(Incoming::Subscribed { refused: vec![] }),
            ClientPacket::Publish { topic, .. } if topic.starts_with("$iothub/methods/res/") => {
                // Before the first measurement there is nothing to report.
                assert!(
                    topic.contains("/200/") || topic.contains("/404/"),
                    "{topic}"
                );
                return;
            }
            ClientPacket::Publish {
                topic, delivery, ..
            } => {
                if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
                    let twin = r#"{"desired":{"$version":1},"reported":{}}"#;
                    hub.publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
                } else if let Delivery::AtLeastOnce(number) = delivery {
                    hub.send(Incoming::Acknowledged(number));
                }
            }
            ClientPacket::Acknowledge(_) | ClientPacket::Disconnect => {}
        }
    }
}

/// Half and 99th percentile of the time from a command to its answer, on a device that runs.
async fn measured(hub: &mut ScriptedConnection) -> (Duration, Duration) {
    let mut taken = Vec::new();
    for number in 0..EVENTS {
        let begun = Instant::now();
        let topic = format!("$iothub/methods/POST/getMaxMinReport/?$rid={number}");
        hub.publish(&topic, "null");
        answered(hub).await;
        taken.push(begun.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    taken.sort();
    (taken[EVENTS / 2], taken[EVENTS * 99 / 100])
}

fn main() {
    let cache = tempfile::tempdir().unwrap();
    let cores = available_parallelism().map_or(2, usize::from);
    let guests = Builder::new_multi_thread()
        .worker_threads(cores)
        .enable_all()
        .build()
        .unwrap();
    let network = Builder::new_current_thread().enable_all().build().unwrap();
    let sandbox = Sandbox::new(Limits::default(), Wasi::LogOnly, guests.handle().clone()).unwrap();
    let compiler = Compiler {
        program: built("release/host"),
        cache: Some(cache.path().join("images")),
        in_background: false,
    };
    network.block_on(async {
        let thermostat = load(&sandbox, &compiler, "thermostat.wasm").await;
        let faulty = load(&sandbox, &compiler, "wasm32-wasip2/guest/examples/faulty.wasm").await;
        let mut hub = device(&thermostat).await;
        let (half, most) = measured(&mut hub).await;
        println!("alone: a command takes {half:?}, 99 of 100 at most {most:?}");
        let mut crowd = JoinSet::new();
        for _ in 0..SPINNING {
            crowd.spawn(spin(faulty.clone()));
        }
        let (half, most) = measured(&mut hub).await;
        println!(
            "beside {SPINNING} that spin, on {cores} processors: {half:?}, 99 of 100 at most {most:?} (goal {GOAL:?}: {})",
            if most < GOAL { "pass" } else { "MISS" }
        );
    });
    guests.shutdown_background();
}
