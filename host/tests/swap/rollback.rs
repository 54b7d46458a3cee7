//! Back to the version before, on request and when an accepted one fails for good.

use host::{
    contract::behaviour::{CallFailure, Reason},
    status::ComponentState,
    store::PersistedState,
    swap::SwapRequest,
    versions::{SwapSource, SwapStep},
};

use super::{
    call, failing, next, ok, recorder, request,
    scripted::{Gate, Scripted},
    site, site_with, until, versions,
};

#[tokio::test]
async fn a_roll_back_on_request_goes_one_version_back() {
    let mut site = site(&recorder()).await;
    let refused = next(&mut site.roll_back().await).await;
    assert_eq!(refused.step, SwapStep::Rejected);
    assert!(refused.reason.unwrap().contains("no previous version"));

    // On probation, the state before the swap is back.
    let mut steps = site.swap(&recorder().version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    site.call("one").await;
    let back = next(&mut site.roll_back().await).await;
    assert_eq!(
        (back.step, back.source),
        (SwapStep::RolledBack, SwapSource::Command)
    );
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
    assert_eq!(site.call("two").await, ok("begun+two"));

    // Once it is accepted, the state goes on.
    let mut steps = site.swap(&recorder().version("c")).await;
    until(&mut steps, SwapStep::Started).await;
    site.call("three").await;
    site.call("four").await;
    until(&mut steps, SwapStep::Accepted).await;
    let back = next(&mut site.roll_back().await).await;
    assert_eq!(
        (back.step, back.undone_batches),
        (SwapStep::RolledBack, None)
    );
    assert_eq!(site.call("five").await, ok("begun+two+three+four+five"));
    assert_eq!(site.runs().await, "a");
}

#[tokio::test]
async fn an_earlier_version_that_cannot_take_the_state_over_leaves_the_accepted_one_running() {
    let a = recorder().beginning(|start| match &start.record {
        Some(record) if record.contains("new") => Err(CallFailure::Error("what is new?".into())),
        record => Ok((vec![], record.clone().unwrap_or("begun".into()))),
    });
    let mut site = site(&a).await;
    let mut steps = site.swap(&recorder().version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    site.call("new").await;
    site.call("two").await;
    until(&mut steps, SwapStep::Accepted).await;
    let refused = next(&mut site.roll_back().await).await;
    assert_eq!(refused.step, SwapStep::Rejected);
    assert!(refused.reason.unwrap().contains("what is new?"));
    assert_eq!(site.call("three").await, ok("begun+new+two+three"));
    assert_eq!(site.runs().await, "b");
}

#[tokio::test]
async fn a_person_does_not_get_another_model_by_going_back() {
    let mut site = site(&recorder()).await;
    let b = recorder().version("b").model("dtmi:example:Other;1");
    let mut steps = site
        .swap_as(
            &b,
            SwapRequest {
                allow_model_change: true,
                ..request()
            },
        )
        .await;
    until(&mut steps, SwapStep::Started).await;
    site.hub = site.bench.connected().await;
    site.call("one").await;
    site.call("two").await;
    until(&mut steps, SwapStep::Accepted).await;
    let refused = next(&mut site.roll_back().await).await;
    assert_eq!(refused.step, SwapStep::Rejected);
    let reason = refused.reason.unwrap();
    assert!(
        reason.contains("dtmi:example:Scripted;1") && reason.contains("--allow-model-change"),
        "{reason}"
    );
    assert_eq!(site.runs().await, "b");
}

/// A version whose command `trap` traps, and that does not start again after it.
pub(super) fn doomed() -> Scripted {
    failing()
        .version("b")
        .beginning(|start| match start.reason {
            Reason::Recovered => Err(CallFailure::Error("it is lost".to_owned())),
            _ => Ok((vec![], start.record.clone().unwrap_or_default())),
        })
}

#[tokio::test]
async fn an_accepted_version_that_does_not_start_again_gives_way_and_keeps_its_state() {
    let mut site = site(&recorder()).await;
    site.accepts(&doomed()).await;
    assert_eq!(site.call("trap").await.0, "500");
    assert_eq!(site.call("three").await, ok("begun+one+two+three"));
    let status = site.status().await;
    assert_eq!(status.running.unwrap().info.sha256, "a");
    assert_eq!(status.quarantined[0].sha256, "b");
    let back = status.last_swap.unwrap();
    assert_eq!(
        (back.step, back.source),
        (SwapStep::RolledBack, SwapSource::Host)
    );
}

#[tokio::test]
async fn an_accepted_version_stays_whatever_it_is_called_with() {
    let mut site = site(&recorder()).await;
    site.accepts(&failing().version("b")).await;
    for number in 0..20 {
        let status = site.call("trap").await.0;
        assert_eq!(status, if number < 5 { "500" } else { "503" });
    }
    let status = site.status().await;
    assert_eq!(status.state, ComponentState::Accepted);
    assert_eq!(status.suspended[0].cause, "command trap");
    assert_eq!(status.steps["failed"], 5);
    assert_eq!(
        (status.steps["rolled-back"], status.quarantined.len()),
        (0, 0)
    );
    assert_eq!(site.call("three").await, ok("begun+one+two+three"));
}

#[tokio::test]
async fn a_roll_back_on_request_gives_up_the_version_that_waits() {
    let gate = Gate::closed();
    let mut site = site(&recorder()).await;
    gate.open.add_permits(2);
    site.accepts(&recorder().version("b").held_by(&gate)).await;
    call(&site.hub, "long", "1");
    gate.came.acquire_many(3).await.unwrap().forget();
    let mut waiting = site.swap(&recorder().version("c")).await;
    assert_eq!(next(&mut waiting).await.step, SwapStep::Prepared);
    let mut back = site.roll_back().await;
    let replaced = next(&mut waiting).await;
    assert_eq!(replaced.step, SwapStep::Superseded);
    assert_eq!(replaced.reason.unwrap(), "a rollback was requested");
    gate.open.add_permits(1);
    assert_eq!(next(&mut back).await.step, SwapStep::RolledBack);
    assert_eq!(site.answer().await, ok("begun+one+two+long"));
    assert_eq!(site.runs().await, "a");
}

#[tokio::test]
async fn a_version_that_waits_may_be_the_remedy_for_one_that_fails_for_good() {
    for fits in [true, false] {
        let gate = Gate::closed();
        gate.open.add_permits(2);
        let mut site = site(&recorder()).await;
        site.accepts(&doomed().held_by(&gate)).await;
        call(&site.hub, "trap", "1");
        gate.came.acquire_many(3).await.unwrap().forget();
        let fix = recorder().version("fix");
        let fix = match fits {
            true => fix,
            false => fix.beginning(|_| Err(CallFailure::Error("not that".into()))),
        };
        let mut steps = site.swap(&fix).await;
        assert_eq!(next(&mut steps).await.step, SwapStep::Prepared);
        gate.open.add_permits(1);
        assert_eq!(site.answer().await.0, "500");
        // If it does not start either, the version before does.
        assert_eq!(site.call("three").await, ok("begun+one+two+three"));
        let (step, runs) = match fits {
            true => (SwapStep::Started, "fix"),
            false => (SwapStep::Rejected, "a"),
        };
        assert_eq!(next(&mut steps).await.step, step);
        assert_eq!(site.runs().await, runs);
    }
}

#[tokio::test]
async fn an_accepted_version_is_suspended_until_the_one_before_is_loaded() {
    let kept = PersistedState {
        record: Some("kept".to_owned()),
        versions: versions("b", None, Some("a")),
        ..PersistedState::default()
    };
    let mut site = site_with(&doomed(), kept).await;
    let refused = next(&mut site.roll_back().await).await;
    assert!(refused.reason.unwrap().contains("not loaded"));
    assert_eq!(site.call("trap").await.0, "500");
    assert!(matches!(
        site.status().await.state,
        ComponentState::Suspended { .. }
    ));
    site.loaded(&recorder()).await;
    assert_eq!(site.call("one").await, ok("kept+one"));
    let back = site.status().await.last_swap.unwrap();
    assert_eq!(
        (back.step, back.source),
        (SwapStep::RolledBack, SwapSource::Host)
    );
}
