//! What the sandbox costs: a timer event with its telemetry and its record, through the component and natively.
#![allow(missing_docs, reason = "criterion_group! makes public functions")]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use criterion::Criterion;
use futures::future::{self, BoxFuture};
use guest_thermostat::{ClockReading, EventContext, TIMER, Thermostat, Timestamp};
use host::{
    clock::{Clock, SystemClock},
    contract::behaviour::{Behaviour, Event, Instance as _, InstanceContext, Reason, Start},
    guest::{
        Component, ComponentInstance, Limits, Sandbox, Wasi,
        compile::{Compiler, ComponentSource},
    },
};
use jiff::Timestamp as TimeOfDay;
use tokio::runtime::{Builder, Runtime};

/// Milliseconds between two measurements.
const INTERVAL: u64 = 8000;
const THERMOSTAT: &str = "thermostat.wasm";
/// A component whose logic is next to nothing: what is left is the way in and out.
const SEQUENCE: &str = "wasm32-wasip2/guest/examples/sequence.wasm";
/// Measurements of a year: after them the record has its full size, and keeps it.
const YEAR: u64 = 365 * 86_400_000 / INTERVAL;

/// The time of both sides: a fixed interval on with each event, so that they keep records of the same size.
struct Ticks(AtomicU64);

impl Ticks {
    fn next(&self) -> EventContext {
        moment(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Clock for Ticks {
    fn now(&self) -> TimeOfDay {
        let millis = milliseconds(self.0.load(Ordering::Relaxed));
        TimeOfDay::from_millisecond(millis as i64).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(milliseconds(self.0.load(Ordering::Relaxed)))
    }

    fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(future::pending())
    }
}

fn milliseconds(tick: u64) -> u64 {
    1_800_000_000_000 + tick * INTERVAL
}

fn moment(tick: u64) -> EventContext {
    EventContext {
        clock: ClockReading {
            now: Timestamp::from_clock(milliseconds(tick) as f64),
            monotonic: milliseconds(tick) as i64,
        },
        // Spread over all numbers, as random ones are.
        random: (tick as u32).wrapping_mul(0x9E37_79B9),
    }
}

/// A thermostat that has run for a year.
fn aged() -> Thermostat {
    let begun = Thermostat::init(guest_thermostat::Reason::Fresh, &[], None, moment(0));
    let mut device = begun.unwrap().0;
    for tick in 1..=YEAR {
        device.on_timer(TIMER, moment(tick));
    }
    device
}

/// A component, loaded as a device does. The image is made by `host compile`.
fn component(guests: &Runtime, cache: &Path, wasm: &str) -> Component {
    let sandbox = Sandbox::new(Limits::default(), Wasi::LogOnly, guests.handle().clone()).unwrap();
    let compiler = Compiler {
        program: built("release/host"),
        cache: Some(cache.to_owned()),
        in_background: false,
    };
    let source = ComponentSource::read(&built(wasm), sandbox.limits())
        .expect("build it first: make build guests");
    guests
        .block_on(compiler.load(&sandbox, &source))
        .expect("build it first: make build guests")
}

fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target")
        .join(name)
}

async fn start(
    component: &Component,
    clock: Arc<dyn Clock>,
    record: Option<String>,
) -> ComponentInstance {
    let context = InstanceContext {
        device: "bench".into(),
        clock,
        seed: Some(1),
        outbox_quota: None,
    };
    let start = Start {
        reason: match record {
            Some(_) => Reason::Recovered,
            None => Reason::Fresh,
        },
        config: [].into(),
        record,
    };
    component.start(context, start).await.unwrap().0
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

fn natively(criterion: &mut Criterion, mut device: Thermostat) -> f64 {
    let ticks = Ticks(AtomicU64::new(YEAR));
    mean(criterion, "native: tick and save", |iterations| {
        let begun = std::time::Instant::now();
        for _ in 0..iterations {
            std::hint::black_box(device.on_timer(TIMER, ticks.next()));
            std::hint::black_box(device.save().unwrap());
        }
        begun.elapsed()
    })
}

/// Each call goes to the runtime of the guests and back, as in a device. Returns the size of the last record, too.
fn through(
    criterion: &mut Criterion,
    runtime: &Runtime,
    (name, component, timer): (&str, &Component, &str),
    record: Option<String>,
) -> (f64, usize) {
    let ticks = Arc::new(Ticks(AtomicU64::new(YEAR)));
    let mut instance = Some(runtime.block_on(start(component, ticks.clone(), record)));
    let mut size = 0;
    let time = mean(criterion, name, |iterations| {
        let mut running = instance.take().unwrap();
        let begun = std::time::Instant::now();
        runtime.block_on(async {
            for _ in 0..iterations {
                ticks.next();
                let event = Event::Timer(timer.to_owned());
                let (next, outcome) = running.handle(event).await.unwrap();
                (running, size) = (next, outcome.record.len());
            }
            instance = Some(running);
        });
        begun.elapsed()
    });
    (time, size)
}

/// What the host does with each record: make sure that it is JSON.
fn checking(criterion: &mut Criterion, record: &str) -> f64 {
    mean(criterion, "host: check the record", |iterations| {
        let begun = std::time::Instant::now();
        for _ in 0..iterations {
            let text = std::hint::black_box(record);
            serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap();
        }
        begun.elapsed()
    })
}

/// What the host does around each call: hand it to the runtime of the guests, with a limit of time.
fn handing_over(criterion: &mut Criterion, runtime: &Runtime) -> f64 {
    let wall = Limits::default().wall;
    mean(criterion, "host: spawn with a time-out", |iterations| {
        let begun = std::time::Instant::now();
        runtime.block_on(async {
            for _ in 0..iterations {
                let task = tokio::spawn(async {});
                tokio::time::timeout(wall, task).await.unwrap().unwrap();
            }
        });
        begun.elapsed()
    })
}

fn starting(criterion: &mut Criterion, runtime: &Runtime, component: &Component) -> f64 {
    mean(criterion, "component: instantiate and init", |iterations| {
        let begun = std::time::Instant::now();
        runtime.block_on(async {
            for _ in 0..iterations {
                start(component, Arc::new(SystemClock::new()), None).await;
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
                component(guests, cache, THERMOSTAT);
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
    let thermostat = component(&runtime, &cache, THERMOSTAT);
    let sequence = component(&runtime, &cache, SEQUENCE);
    let device = aged();
    let record = device.save().unwrap();
    let mut criterion = Criterion::default().configure_from_args();

    let native = natively(&mut criterion, device);
    let measured = ("component: tick and save", &thermostat, TIMER);
    let (guest, size) = through(&mut criterion, &runtime, measured, Some(record.clone()));
    let measured = ("least component: tick and save", &sequence, "sequence");
    let (least, _) = through(&mut criterion, &runtime, measured, None);
    let check = checking(&mut criterion, &record);
    let spawn = handing_over(&mut criterion, &runtime);
    let init = starting(&mut criterion, &runtime, &thermostat);
    let load = loading(&mut criterion, &runtime, &cache);
    criterion.final_summary();

    println!("a timer event with one telemetry and the record after it");
    show("natively (baseline)", native);
    show("through the component", guest);
    println!("{:<58}{:>12.2}", "ratio", guest / native);
    println!(
        "bytes of record: natively {}, component {size}",
        record.len()
    );
    show("of it, to hand the event over and wait", spawn);
    show("of it, to check that the record is JSON", check);
    show("the same event through the least component", least);
    // The event is two calls, `on-timer` and `save`.
    let verdict = if least <= 2e-6 { "pass" } else { "miss" };
    println!("goal 1 µs per call through the least component: {verdict}");
    show("a new instance with its init", init);
    show("load the image and let it describe itself", load);
}

fn show(what: &str, seconds: f64) {
    println!("{what:<58}{:>9.2} µs", seconds * 1e6);
}
