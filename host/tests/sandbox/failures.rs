//! The reason of a failure: the limit or trap, the last words of the component, and where it was.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::*;

#[tokio::test]
async fn a_trap_is_told_with_the_function_it_happened_in() {
    let reason = stopped("trap").await;
    let trap = "wasm trap: wasm `unreachable` instruction executed; in faulty::Faulty::commit <- ";
    assert!(reason.starts_with(trap), "{reason}");
    let reason = stopped("wild").await;
    let trap = "wasm trap: out of bounds memory access; in faulty::wild <- ";
    assert!(reason.starts_with(trap), "{reason}");
    let reason = stopped("recurse").await;
    assert!(
        reason.contains("call stack exhausted; in faulty::recurse"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_panic_is_told_with_its_message_and_where_it_was() {
    let reason = stopped("panic").await;
    assert!(reason.contains("; stderr: panicked at "), "{reason}");
    let message = "faulty.rs:";
    assert!(reason.contains(message), "{reason}");
    let message =
        ": set point of zone 7: ParseFloatError { kind: Invalid }; in faulty::not_a_number <- ";
    assert!(reason.contains(message), "{reason}");
    assert!(!reason.contains("RUST_BACKTRACE"), "{reason}");
    assert!(!reason.contains(char::is_control), "{reason}");
}

#[tokio::test]
async fn words_without_a_newline_and_the_end_of_a_long_traceback_are_told() {
    let reason = stopped("last-words").await;
    assert!(
        reason.contains("executed; stderr: dying of thirst; in "),
        "{reason}"
    );
    let reason = stopped("traceback").await;
    assert!(reason.contains("ValueError: zone 7; in "), "{reason}");
    assert!(reason.len() < 1100, "{}", reason.len());
}

#[tokio::test]
async fn the_words_of_an_earlier_call_are_not_told() {
    let component = lab().load(&guest("faulty")).await.unwrap();
    let (instance, _) = start(&component, &[("init", "mutter")]).await.unwrap();
    let (instance, _) = instance.handle(command("mutter", None)).await.unwrap();
    let failure = instance.handle(command("trap", None)).await.err().unwrap();
    assert!(!failure.to_string().contains("stderr"), "{failure}");
}

#[tokio::test]
async fn a_call_over_a_limit_is_told_with_last_words_and_function_too() {
    let reason = stopped("spin-aloud").await;
    let expected = "used more than 100 ms of CPU time in one call; stderr: counting to infinity; in faulty::spin";
    assert!(reason.starts_with(expected), "{reason}");
    let reason = stopped("hog").await;
    assert!(reason.contains("; in faulty::"), "{reason}");
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_dropped_where_it_stands() {
    let limits = Limits {
        cpu: Duration::from_secs(60),
        wall: Duration::from_millis(200),
        ..strict()
    };
    let component = Lab::new(limits, Wasi::LogOnly)
        .load(&guest("faulty"))
        .await
        .unwrap();
    let (instance, _) = start(&component, &[]).await.unwrap();
    let failure = instance
        .handle(command("spin-aloud", None))
        .await
        .err()
        .unwrap();
    let reason = "took longer than 200 ms in one call; stderr: counting to infinity";
    assert_eq!(failure, CallFailure::Trap(reason.to_owned()));
}

/// A clock that counts how often it is read.
struct CountingClock(SystemClock, AtomicUsize);

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep_until(deadline)
    }
}

#[tokio::test]
async fn time_in_functions_of_the_host_counts_to_the_cpu_limit() {
    let limits = Limits {
        wall: Duration::from_secs(60),
        memory: 64 << 20,
        hostcall: 32 << 20,
        ..strict()
    };
    let lab = Lab::new(limits, Wasi::LogOnly);
    let component = lab.load(&guest("faulty")).await.unwrap();
    let clock = Arc::new(CountingClock(SystemClock::new(), AtomicUsize::new(0)));
    let (instance, _) = start_on(clock.clone(), &component, &[]).await.unwrap();
    let before = clock.1.load(Ordering::Relaxed);
    let failure = instance
        .handle(command("random", None))
        .await
        .err()
        .unwrap();
    let reason = "component stopped: used more than 100 ms of CPU time in one call";
    assert!(failure.to_string().starts_with(reason), "{failure}");
    // Each call takes several milliseconds. If only ticks counted, at most one for each stretch of the guest, it would make
    // about 50 calls.
    let calls = clock.1.load(Ordering::Relaxed) - before;
    assert!(calls < 25, "{calls} calls of 16 MiB");
}

#[tokio::test]
async fn one_call_of_the_host_makes_no_more_random_bytes_than_it_may_return() {
    let reason = stopped("random-huge").await;
    let refused = "requested len 1073741824 exceeds limit 1048576";
    assert!(reason.starts_with(refused), "{reason}");
}
