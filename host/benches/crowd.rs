//! What a hundred components that compute for ever cost a device beside them in the same process: the time from an event to
//! its outcome, with and without them.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use host::{
    clock::SystemClock,
    device::behaviour::{Behaviour, Event, Instance, Reason, Start, Surroundings},
    guest::{
        Component, Limits, Sandbox, Wasi,
        compile::{Compiler, Source},
    },
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
    let source = Source::read(&built(wasm), sandbox.limits()).expect("make build guests");
    compiler.load(sandbox, &source).await.unwrap()
}

async fn start(component: &Component) -> <Component as Behaviour>::Instance {
    let surroundings = Surroundings {
        device: "bench".into(),
        clock: Arc::new(SystemClock::new()),
        seed: Some(1),
        room: None,
    };
    let start = Start {
        reason: Reason::Fresh,
        config: [].into(),
        record: None,
    };
    component.start(surroundings, start).await.unwrap().0
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

/// Half and 99th percentile of the time an event takes.
async fn measured(component: &Component) -> (Duration, Duration) {
    let mut instance = start(component).await;
    let mut taken = Vec::new();
    for _ in 0..EVENTS {
        let begun = Instant::now();
        instance = instance
            .handle(Event::Timer("telemetry".to_owned()))
            .await
            .unwrap()
            .0;
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
        cache: cache.path().join("images"),
    };
    network.block_on(async {
        let thermostat = load(&sandbox, &compiler, "thermostat.wasm").await;
        let faulty = load(&sandbox, &compiler, "wasm32-wasip2/guest/examples/faulty.wasm").await;
        let (half, most) = measured(&thermostat).await;
        println!("alone: an event takes {half:?}, 99 of 100 at most {most:?}");
        let mut crowd = JoinSet::new();
        for _ in 0..SPINNING {
            crowd.spawn(spin(faulty.clone()));
        }
        let (half, most) = measured(&thermostat).await;
        println!(
            "beside {SPINNING} that spin, on {cores} processors: {half:?}, 99 of 100 at most {most:?} (goal {GOAL:?}: {})",
            if most < GOAL { "pass" } else { "MISS" }
        );
    });
    guests.shutdown_background();
}
