//! What the sandbox costs: a timer event with its telemetry and its record, through the component and natively.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use std::{path::Path, sync::Arc, time::Duration};

use criterion::Criterion;
use guest_thermostat::{Moment, TIMER, Thermostat, Timestamp};
use host::{
    clock::SystemClock,
    device::behaviour::{Behaviour, Event, Instance as _, Reason, Start, Surroundings},
    guest::{Component, Instance, Limits, Sandbox, Wasi, compile::Compiler},
};
use tokio::runtime::{Builder, Runtime};

/// The component, loaded by the same process it will run in. The image is made by `host compile`.
fn component(guests: &Runtime, cache: &Path) -> Component {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let sandbox = Sandbox::new(Limits::default(), Wasi::LogOnly, guests.handle().clone()).unwrap();
    let compiler = Compiler {
        program: root.join("release/host"),
        cache: cache.to_owned(),
    };
    let wasm = root.join("thermostat.wasm");
    guests
        .block_on(compiler.load(&sandbox, &wasm))
        .expect("build it first: make build")
}

async fn start(component: &Component) -> Instance {
    let surroundings = Surroundings {
        device: "bench".into(),
        clock: Arc::new(SystemClock::new()),
        seed: Some(1),
    };
    let start = Start {
        reason: Reason::Fresh,
        config: [].into(),
        record: None,
    };
    component.start(surroundings, start).await.unwrap().0
}

/// Runs a benchmark and returns its mean in seconds.
fn mean(criterion: &mut Criterion, name: &str, mut once: impl FnMut(u64) -> Duration) -> f64 {
    let mut total = Duration::ZERO;
    let mut count = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let taken = once(iterations);
            total += taken;
            count += iterations;
            taken
        });
    });
    total.as_secs_f64() / count as f64
}

fn natively(criterion: &mut Criterion) -> f64 {
    let moment = |n: u64| Moment {
        now: Timestamp::from_clock(1.8e12 + n as f64 * 8000.0),
        chance: n as u32,
    };
    let mut device = Thermostat::begin(guest_thermostat::Reason::Fresh, &[], None, moment(0))
        .unwrap()
        .0;
    let mut ticks = 0;
    mean(criterion, "native: tick and save", |iterations| {
        let begun = std::time::Instant::now();
        for _ in 0..iterations {
            ticks += 1;
            std::hint::black_box(device.on_timer(TIMER, moment(ticks)));
            std::hint::black_box(device.save().unwrap());
        }
        begun.elapsed()
    })
}

/// Each call goes to the runtime of the guests and back, as in a device.
fn through_component(criterion: &mut Criterion, runtime: &Runtime, component: &Component) -> f64 {
    let mut instance = Some(runtime.block_on(start(component)));
    mean(criterion, "component: tick and save", |iterations| {
        let mut running = instance.take().unwrap();
        let begun = std::time::Instant::now();
        runtime.block_on(async {
            for _ in 0..iterations {
                running = running
                    .handle(Event::Timer(TIMER.to_owned()))
                    .await
                    .unwrap()
                    .0;
            }
            instance = Some(running);
        });
        begun.elapsed()
    })
}

fn starting(criterion: &mut Criterion, runtime: &Runtime, component: &Component) -> f64 {
    mean(criterion, "component: instantiate and init", |iterations| {
        let begun = std::time::Instant::now();
        runtime.block_on(async {
            for _ in 0..iterations {
                start(component).await;
            }
        });
        begun.elapsed()
    })
}

fn loading(criterion: &mut Criterion, guests: &Runtime, cache: &Path) -> f64 {
    mean(
        criterion,
        "component: load its image and describe",
        |iterations| {
            let begun = std::time::Instant::now();
            for _ in 0..iterations {
                component(guests, cache);
            }
            begun.elapsed()
        },
    )
}

fn main() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path().join("images");
    // One runtime with one thread: the figures are of the call, not of two threads waking each other.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let component = component(&runtime, &cache);
    let mut criterion = Criterion::default().configure_from_args();

    let native = natively(&mut criterion);
    let guest = through_component(&mut criterion, &runtime, &component);
    let init = starting(&mut criterion, &runtime, &component);
    let load = loading(&mut criterion, &runtime, &cache);
    criterion.final_summary();

    let micro = |seconds: f64| format!("{:.2} µs", seconds * 1e6);
    println!("a timer event with one telemetry and the record after it");
    println!("{:<58}{:>12}", "natively (baseline)", micro(native));
    println!("{:<58}{:>12}", "through the component", micro(guest));
    println!("{:<58}{:>12.2}", "ratio", guest / native);
    println!("{:<58}{:>12}", "a new instance with its init", micro(init));
    println!(
        "{:<58}{:>12}",
        "load the image and let it describe itself",
        micro(load)
    );
}
