//! Whether a service that watches the host is told that it works.

mod scripted;

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use host::{
    clock::{Clock, SystemClock, VirtualClock},
    service,
    store::{DeviceStore, MemoryBackend, PersistedState, Retention},
    swap,
};
use scripted::{Bench, HOUR, Scripted, call, put_together, reply, with_connection_string};
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{channel, unbounded_channel},
        oneshot,
    },
    task::spawn_blocking,
};

#[tokio::test]
async fn a_device_whose_loop_is_stuck_does_not_beat_until_it_goes_on() {
    let (stuck, mut is_stuck) = unbounded_channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    // The loop itself makes the calls of this behaviour, so one that blocks its thread blocks the loop.
    let behaviour = Scripted::new(move |_, record| {
        stuck.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        reply("released", record)
    });
    // Room for all questions, so that only an answer lets a beat through.
    let (requests, device_requests) = channel(1000);
    let swap = swap::SwapConfig {
        requests: Some(device_requests),
        ..swap::SwapConfig::default()
    };
    let real = Arc::new(SystemClock::new());
    let memory = Box::new(MemoryBackend::default());
    let store = DeviceStore::new(
        memory,
        PersistedState::default(),
        Retention::default(),
        &*real,
    );
    let identity = with_connection_string();
    let (device, server) = put_together(identity, &behaviour, swap, store, real);
    let (end, ended) = oneshot::channel::<()>();
    let (runtime, ended) = (Handle::current(), async move { ended.await.unwrap() });
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), Duration::MAX / 2);
    let mut bench = Bench {
        clock: clock.clone(),
        server,
        device: spawn_blocking(move || runtime.block_on(device.run(ended))),
    };
    let (works, mut beats) = unbounded_channel();
    let beating = service::run_watchdog(requests, clock.clone(), HOUR, move || {
        works.send(()).unwrap()
    });
    let beating = tokio::spawn(beating);
    for _ in 0..3 {
        beats.recv().await.unwrap();
    }

    let hub = bench.connected().await;
    call(&hub, "stick", "1");
    is_stuck.recv().await.unwrap();
    // A beat whose answer came before it may be on its way.
    clock.sleep_until(clock.monotonic() + HOUR).await;
    while beats.try_recv().is_ok() {}
    for _ in 0..100 {
        clock.sleep_until(clock.monotonic() + HOUR).await;
    }
    assert!(beats.try_recv().is_err(), "it beats though it is stuck");

    release.send(()).unwrap();
    beats.recv().await.unwrap();
    end.send(()).unwrap();
    bench.device.await.unwrap().unwrap();
    beating.await.unwrap();
}
