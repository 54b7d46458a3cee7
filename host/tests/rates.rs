//! How often a component is called, and what its calls write.

mod scripted;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use host::{
    clock::Clock,
    contract::{
        behaviour::{Answer, Event},
        effect::{Effect, Schedule},
    },
    store::{Backend, MemoryBackend, Progress, row::Row},
};
use scripted::{Scripted, answered, call, reply, run, run_on};
use tokio::sync::watch;

/// Counts the batches.
#[derive(Clone, Default)]
struct Counting {
    memory: Arc<std::sync::Mutex<MemoryBackend>>,
    batches: Arc<AtomicU32>,
}

impl Backend for Counting {
    fn persist(&mut self, number: u64, rows: &[Row<'_>]) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.memory.lock().unwrap().persist(number, rows);
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.memory.lock().unwrap().progress()
    }
}

/// A timer of a millisecond whose calls are counted. The command `look` changes nothing, any other one the record.
fn busy(ticks: &Arc<AtomicU32>) -> Scripted {
    let ticks = ticks.clone();
    let behaviour = Scripted::new(move |event, record| match event {
        Event::Timer(_) => {
            ticks.fetch_add(1, Ordering::Relaxed);
            Ok((Answer::None, vec![], record.to_owned()))
        }
        Event::Command { name, .. } if name == "look" => reply("", record),
        _ => reply("", &format!("{record}.")),
    });
    behaviour.beginning(|start| {
        let every = Schedule::Every(Duration::from_millis(1));
        let record = start.record.clone().unwrap_or_default();
        Ok((vec![Effect::SetTimer("t".to_owned(), every)], record))
    })
}

#[tokio::test]
async fn a_timer_that_is_too_fast_waits_and_commands_do_not() {
    let ticks = Arc::default();
    let mut bench = run(&busy(&ticks));
    let mut hub = bench.connected().await;
    let minute = Duration::from_secs(60);
    while bench.clock.monotonic() < minute {
        bench
            .clock
            .sleep_until(bench.clock.monotonic() + Duration::from_millis(1))
            .await;
    }
    let minute_of_ticks = ticks.load(Ordering::Relaxed);
    assert!(
        (2000..=2000 + 201 * 60).contains(&minute_of_ticks),
        "{minute_of_ticks}"
    );
    let before = bench.clock.monotonic();
    for _ in 0..50 {
        call(&hub, "look", "1");
        assert_eq!(answered(&mut hub).await.0, "200/?$rid=1");
    }
    let waited = bench.clock.monotonic() - before;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

#[tokio::test]
async fn a_call_that_changes_nothing_writes_nothing() {
    let (ticks, counting) = (Arc::default(), Counting::default());
    let mut bench = run_on(&busy(&ticks), Box::new(counting.clone()));
    let mut hub = bench.connected().await;
    call(&hub, "change", "1");
    answered(&mut hub).await;
    let (before, ticked) = (
        counting.batches.load(Ordering::Relaxed),
        ticks.load(Ordering::Relaxed),
    );
    while ticks.load(Ordering::Relaxed) < ticked + 100 {
        bench
            .clock
            .sleep_until(bench.clock.monotonic() + Duration::from_millis(1))
            .await;
    }
    call(&hub, "look", "1");
    answered(&mut hub).await;
    assert_eq!(counting.batches.load(Ordering::Relaxed), before);
    call(&hub, "change", "1");
    answered(&mut hub).await;
    assert_eq!(counting.batches.load(Ordering::Relaxed), before + 1);
}
