//! The start and acceptance of a candidate, and the steps its requester gets.

use host::{
    clock::Clock,
    contract::behaviour::{CallFailure, Reason},
    device::DeviceError,
    mqtt::scripted::ClientPacket,
    status::ComponentState,
    store::{Backend, PersistedState, Progress, row::Row},
    swap::{DeviceRequest, SwapConfig, SwapRequest},
    versions::{HistoryEntry, SwapSource, SwapStep},
};
use tokio::sync::{mpsc, watch};

use super::{
    POLICY, begin, failing, next, ok, recorder, request,
    scripted::{Gate, call},
    site, site_on, site_with, until,
};

#[tokio::test]
async fn a_new_version_takes_over_with_the_record_and_is_accepted_after_its_probation() {
    let a = recorder();
    let mut site = site(&a).await;
    assert_eq!(site.call("one").await, ok("begun+one"));

    let b = recorder().version("b");
    let mut steps = site.swap(&b).await;
    assert_eq!(
        until(&mut steps, SwapStep::Started).await,
        [SwapStep::Prepared, SwapStep::Started]
    );
    assert_eq!(b.reasons(), [Reason::Swap]);
    assert_eq!(site.call("two").await, ok("begun+one+two"));
    let status = site.status().await;
    assert!(matches!(
        status.state,
        ComponentState::Probation { events_left: 1, .. }
    ));
    assert_eq!(status.fallback.unwrap().info.sha256, "a");

    assert_eq!(site.call("three").await, ok("begun+one+two+three"));
    let accepted = next(&mut steps).await;
    assert_eq!(accepted.step, SwapStep::Accepted);
    assert_eq!(accepted.version.unwrap().sha256, "b");
    let status = site.status().await;
    assert_eq!(status.state, ComponentState::Accepted);
    assert_eq!(status.previous.unwrap().info.sha256, "a");
    assert_eq!(status.steps["started"], 1);
    assert_eq!(status.steps["accepted"], 1);
    assert!(site.bench.clock.monotonic() >= POLICY.time);
}

#[tokio::test]
async fn what_runs_already_is_not_swapped() {
    let a = recorder();
    let mut site = site(&a).await;
    let mut steps = site.swap(&recorder()).await;
    assert_eq!(
        until(&mut steps, SwapStep::Unchanged).await,
        [SwapStep::Prepared, SwapStep::Unchanged]
    );
    site.call("one").await;
    assert_eq!(a.reasons(), [Reason::Fresh]);
    assert_eq!(site.status().await.last_swap, None, "it is no history");
}

#[tokio::test]
async fn the_running_version_may_begin_again_without_its_state() {
    let mut site = site(&recorder()).await;
    site.call("one").await;
    let fresh = SwapRequest {
        fresh_state: true,
        ..request()
    };
    until(
        &mut site.swap_as(&recorder(), fresh).await,
        SwapStep::Started,
    )
    .await;
    assert_eq!(site.call("two").await, ok("begun+two"));
    next(&mut site.roll_back().await).await;
    assert_eq!(site.call("three").await, ok("begun+one+three"));
    assert!(site.status().await.quarantined.is_empty());
}

#[tokio::test]
async fn a_version_that_does_not_begin_changes_nothing() {
    for (failure, is_state_to_blame) in [
        (CallFailure::Error("schema 2".to_owned()), true),
        (
            CallFailure::Error("the setting zone is missing".to_owned()),
            false,
        ),
        (CallFailure::Trap("schema 2".to_owned()), true),
        (CallFailure::Trap("it spun".to_owned()), false),
    ] {
        let a = recorder();
        let mut site = site(&a).await;
        site.call("one").await;
        let why = failure.clone();
        let b = recorder().version("b").beginning(move |start| {
            match start.record.is_none() && is_state_to_blame {
                true => Ok((vec![], "begun".to_owned())),
                false => Err(why.clone()),
            }
        });
        let mut steps = site.swap(&b).await;
        assert_eq!(
            until(&mut steps, SwapStep::Rejected).await,
            [SwapStep::Prepared, SwapStep::Rejected]
        );
        let status = site.status().await;
        let reason = status.last_swap.unwrap().reason.unwrap();
        assert!(reason.contains(&failure.reason()), "{reason}");
        let advised = reason.contains("--fresh-state");
        assert_eq!(advised, is_state_to_blame, "{reason}");
        assert!(status.quarantined.is_empty());
        assert_eq!(site.call("two").await, ok("begun+one+two"));
        assert_eq!(a.reasons(), [Reason::Fresh], "the instance is the same");
    }
}

#[tokio::test]
async fn another_model_is_refused_unless_it_is_allowed_and_then_announced_anew() {
    let a = recorder();
    let mut site = site(&a).await;
    let b = recorder().version("b").model("dtmi:example:Other;1");
    let mut steps = site.swap(&b).await;
    until(&mut steps, SwapStep::Rejected).await;
    let reason = site.status().await.last_swap.unwrap().reason.unwrap();
    assert!(reason.contains("dtmi:example:Other;1") && reason.contains("--allow-model-change"));

    let allowed = SwapRequest {
        allow_model_change: true,
        ..request()
    };
    let mut steps = site.swap_as(&b, allowed).await;
    until(&mut steps, SwapStep::Started).await;
    let attempt = site.bench.server.next().await.expect("a new connection");
    let username = attempt.connect.username.clone();
    assert!(
        username.contains("dtmi%3Aexample%3AOther%3B1"),
        "{username}"
    );
}

#[tokio::test]
async fn a_model_that_changes_while_the_device_connects_is_the_one_it_connects_with() {
    let (requests, device_requests) = mpsc::channel(16);
    let swap = SwapConfig {
        requests: Some(device_requests),
        ..SwapConfig::default()
    };
    let mut bench = begin(&recorder(), swap, PersistedState::default());
    let attempt = bench.server.next().await.expect("a connection");
    let (step_sender, mut steps) = mpsc::unbounded_channel();
    let request = SwapRequest {
        allow_model_change: true,
        step_sender: Some(step_sender),
        ..request()
    };
    let b = recorder().version("b").model("dtmi:example:Other;1");
    requests
        .send(DeviceRequest::Swap(b, request))
        .await
        .unwrap();
    until(&mut steps, SwapStep::Started).await;
    let old = attempt.accept();
    let attempt = bench.server.next().await.expect("a new connection");
    assert!(attempt.connect.username.contains("Other"));
    drop(old);
}

#[tokio::test]
async fn a_version_that_takes_messages_connects_anew_and_one_that_does_not_keeps_the_connection() {
    let mut site = site(&recorder()).await;
    let b = recorder().version("b").without_messages();
    until(&mut site.swap(&b).await, SwapStep::Started).await;
    assert_eq!(site.call("one").await.0, "200", "on the same connection");
    until(
        &mut site.swap(&recorder().version("c")).await,
        SwapStep::Started,
    )
    .await;
    let mut hub = site
        .bench
        .server
        .next()
        .await
        .expect("a new connection")
        .accept();
    let subscribed = hub.next().await;
    assert!(matches!(&subscribed, Some(ClientPacket::Subscribe(topics)) if topics.len() == 4));
}

#[tokio::test]
async fn a_version_that_waits_for_a_call_gives_way_to_a_newer_one_and_the_call_is_answered() {
    let gate = Gate::closed();
    let a = recorder().held_by(&gate);
    let mut site = site(&a).await;
    call(&site.hub, "long", "1");
    gate.came.acquire().await.unwrap().forget();
    let mut first = site.swap(&recorder().version("b")).await;
    assert_eq!(next(&mut first).await.step, SwapStep::Prepared);
    let mut second = site.swap(&recorder().version("c")).await;
    assert_eq!(
        until(&mut first, SwapStep::Superseded).await,
        [SwapStep::Superseded]
    );
    assert_eq!(next(&mut second).await.step, SwapStep::Prepared);
    gate.open.add_permits(1);
    assert_eq!(next(&mut second).await.step, SwapStep::Started);
    let answer = site.answer().await;
    assert_eq!(answer, ok("begun+long"), "the version that had it answers");
    assert_eq!(site.call("two").await, ok("begun+long+two"));
    assert_eq!(site.runs().await, "c");
}

#[tokio::test]
async fn the_first_version_that_does_not_begin_ends_the_device_and_a_later_one_does_not() {
    let broken = || recorder().beginning(|_| Err(CallFailure::Error("a wrong setting".into())));
    let bench = begin(&broken(), SwapConfig::default(), PersistedState::default());
    let ended = bench.device.await.unwrap();
    assert!(matches!(ended, Err(DeviceError::Component(_))));

    let kept = PersistedState {
        record: Some("kept".to_owned()),
        ..PersistedState::default()
    };
    let mut site = site_with(&broken(), kept).await;
    let (status, body) = site.call("one").await;
    assert_eq!(status, "503");
    assert!(body.contains("a wrong setting"), "{body}");
    assert!(matches!(
        site.status().await.state,
        ComponentState::Suspended { .. }
    ));
    let b = recorder().version("b");
    until(&mut site.swap(&b).await, SwapStep::Started).await;
    assert_eq!(site.call("one").await, ok("kept+one"));
}

#[tokio::test]
async fn what_became_of_versions_before_the_device_began_is_counted() {
    let (requests, device_requests) = mpsc::channel(16);
    let swap = SwapConfig {
        requests: Some(device_requests),
        startup_steps: vec![HistoryEntry::new(
            jiff::Timestamp::UNIX_EPOCH,
            SwapStep::Resumed,
            SwapSource::Host,
        )],
        ..SwapConfig::default()
    };
    let site = super::connected(
        begin(&recorder(), swap, PersistedState::default()),
        requests,
    )
    .await;
    let status = site.status().await;
    assert_eq!(status.steps["resumed"], 1);
    assert_eq!(status.last_swap, None, "the history has it already");
}

/// A disk that has failed: everything is accepted in memory, and nothing is safe.
struct Degraded(watch::Sender<Progress>);

impl Backend for Degraded {
    fn persist(&mut self, number: u64, _: &[Row<'_>]) {
        self.0.send_modify(|progress| progress.accepted = number);
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.0.subscribe()
    }
}

#[tokio::test]
async fn a_disk_that_fails_stops_neither_a_swap_nor_a_roll_back() {
    let disk = Degraded(watch::channel(Progress::default()).0);
    let mut site = site_on(&recorder(), Box::new(disk)).await;
    assert_eq!(site.call("one").await, ok("begun+one"));
    let mut steps = site.swap(&failing().version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    assert_eq!(site.call("two").await, ok("begun+one+two"));
    assert_eq!(site.call("trap").await, ok("begun+one+trap"));
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
    assert_eq!(site.runs().await, "a");
}

#[tokio::test]
async fn a_swap_is_told_once_it_is_on_disk_and_nothing_the_new_version_does_leaves_before() {
    /// A disk that has time.
    struct Slow(watch::Sender<Progress>);
    impl Backend for Slow {
        fn persist(&mut self, _: u64, _: &[Row<'_>]) {}

        fn progress(&self) -> watch::Receiver<Progress> {
            self.0.subscribe()
        }
    }
    let progress = watch::channel(Progress::default()).0;
    let mut site = site_on(&recorder(), Box::new(Slow(progress.clone()))).await;
    let mut steps = site.swap(&recorder().version("b")).await;
    assert_eq!(next(&mut steps).await.step, SwapStep::Prepared);
    call(&site.hub, "one", "1");
    // It runs, as far as the device is concerned.
    while site.runs().await != "b" {
        tokio::task::yield_now().await;
    }
    assert!(steps.try_recv().is_err(), "not told before it is kept");
    progress.send_modify(|progress| (progress.accepted, progress.durable) = (1000, 1000));
    assert_eq!(next(&mut steps).await.step, SwapStep::Started);
    assert_eq!(site.answer().await, ok("begun+one"));
}
