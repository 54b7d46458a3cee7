//! What becomes of a version on probation, and of what it was given.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use host::{
    clock::Clock,
    contract::{
        behaviour::{Answer, CallFailure, Event, Reason},
        effect::{Effect, Schedule},
    },
    hub::twin::Acknowledgment,
    mqtt::{Incoming, scripted::ClientPacket},
    status::{ComponentState, ConnectionState},
    store::PersistedState,
    swap::{self, SwapRequest},
    versions::SwapStep,
};
use serde_json::{Value, json};

use super::{
    Site, failing, next, ok, recorder, request,
    scripted::{self, Gate, HOUR, Scripted, call, command_name, reply},
    site, site_under, site_with, status, until, versions,
};

#[tokio::test]
async fn a_trap_on_probation_brings_the_version_before_back_and_it_answers_the_command() {
    let a = recorder();
    let mut site = site(&a).await;
    site.call("one").await;
    let b = failing().version("b");
    let mut steps = site.swap(&b).await;
    until(&mut steps, SwapStep::Started).await;
    assert_eq!(site.call("two").await, ok("begun+one+two"));

    // What the new version has recorded is undone, and the old one's answer is the answer.
    assert_eq!(site.call("trap").await, ok("begun+one+trap"));
    let back = next(&mut steps).await;
    assert_eq!(back.step, SwapStep::RolledBack);
    assert_eq!(back.version.unwrap().sha256, "b");
    assert_eq!(back.rolled_back_to.unwrap().sha256, "a");
    assert_eq!(back.undone_batches, Some(2));
    assert!(back.reason.unwrap().contains("it is broken"));
    assert_eq!(a.reasons(), [Reason::Fresh, Reason::Recovered]);

    let status = site.status().await;
    assert_eq!(status.running.unwrap().info.sha256, "a");
    assert_eq!(status.state, ComponentState::Accepted);
    assert_eq!(status.quarantined[0].sha256, "b");
    assert_eq!(status.last_swap.unwrap().step, SwapStep::RolledBack);
}

#[tokio::test]
async fn whoever_asks_for_the_version_on_probation_again_waits_for_it_too() {
    let mut site = site(&recorder()).await;
    let b = recorder().version("b");
    let mut first = site.swap(&b).await;
    until(&mut first, SwapStep::Started).await;
    let mut second = site.swap(&b).await;
    assert_eq!(
        until(&mut second, SwapStep::Unchanged).await,
        [SwapStep::Prepared, SwapStep::Unchanged]
    );
    site.call("one").await;
    site.call("two").await;
    for steps in [&mut first, &mut second] {
        assert_eq!(next(steps).await.step, SwapStep::Accepted);
    }

    // Of an accepted version there is nothing more to tell.
    let mut third = site.swap(&b).await;
    until(&mut third, SwapStep::Unchanged).await;
    assert!(third.recv().await.is_none());
}

#[tokio::test]
async fn errors_are_answered_with_500_until_the_third_in_a_row() {
    let mut site = site(&recorder()).await;
    let mut steps = site.swap(&failing().version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    for name in ["err", "err", "fine", "err", "err"] {
        let status = site.call(name).await.0;
        assert_eq!(status, if name == "fine" { "200" } else { "500" });
    }
    assert_eq!(site.call("err").await, ok("begun+err"));
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
}

#[tokio::test]
async fn a_withdrawn_version_is_refused_until_it_is_forced() {
    let mut site = site(&recorder()).await;
    let b = failing().version("b");
    until(&mut site.swap(&b).await, SwapStep::Started).await;
    site.call("trap").await;

    let mut steps = site.swap(&b).await;
    assert_eq!(next(&mut steps).await.step, SwapStep::Prepared);
    let refused = next(&mut steps).await;
    assert_eq!(refused.step, SwapStep::Rejected);
    let reason = refused.reason.unwrap();
    assert!(
        reason.contains("it is broken") && reason.contains("--force"),
        "{reason}"
    );

    let forced = SwapRequest {
        force: true,
        ..request()
    };
    until(&mut site.swap_as(&b, forced).await, SwapStep::Started).await;
    assert!(site.status().await.quarantined.is_empty());
}

#[tokio::test]
async fn the_state_may_begin_anew_and_is_back_after_a_roll_back() {
    let a = Scripted::new(|event, record| match event {
        Event::Timer(_) => Ok((Answer::None, vec![], record.to_owned())),
        _ => reply(record, record),
    })
    .beginning(|start| {
        let timer = Effect::SetTimer("of-a".into(), Schedule::Every(HOUR));
        Ok((vec![timer], start.record.clone().unwrap_or("of a".into())))
    });
    let mut site = site(&a).await;
    let b = failing().version("b");
    let anew = SwapRequest {
        fresh_state: true,
        ..request()
    };
    until(&mut site.swap_as(&b, anew).await, SwapStep::Started).await;
    let begun = b.starts.lock().unwrap()[0].clone();
    assert_eq!((begun.reason, begun.record), (Reason::Fresh, None));
    assert_eq!(site.call("one").await, ok("begun+one"));
    assert_eq!(site.call("trap").await, ok("of a"));
}

#[tokio::test]
async fn a_newer_version_replaces_one_on_probation_and_both_fall_with_it() {
    let a = recorder();
    let mut site = site(&a).await;
    site.call("one").await;
    let mut first = site.swap(&recorder().version("b")).await;
    until(&mut first, SwapStep::Started).await;
    site.call("two").await;
    let c = failing().version("c");
    let mut second = site.swap(&c).await;
    until(&mut second, SwapStep::Started).await;
    assert_eq!(next(&mut first).await.step, SwapStep::Superseded);
    let begun = c.starts.lock().unwrap()[0].clone();
    assert_eq!(begun.record.as_deref(), Some("begun+one+two"));

    assert_eq!(site.call("trap").await, ok("begun+one+trap"));
    let back = next(&mut second).await;
    assert_eq!(
        (back.step, back.undone_batches),
        (SwapStep::RolledBack, Some(3))
    );
    assert_eq!(site.runs().await, "a");
}

/// Counts its timers in its record, cancels them on command, and traps on another.
fn ticking(name: &'static str) -> Scripted {
    Scripted::new(move |event, record| match event {
        Event::Timer(timer) => Ok((Answer::None, vec![], format!("{record} {name}:{timer}"))),
        event => match command_name(&event) {
            "cancel" => {
                let (answer, _, record) = reply(record, record)?;
                Ok((answer, vec![Effect::CancelTimer("t".into())], record))
            }
            "trap" => Err(CallFailure::Trap("no".to_owned())),
            _ => reply(record, record),
        },
    })
}

#[tokio::test]
async fn timers_survive_a_swap_and_are_as_they_were_after_a_roll_back() {
    let a = ticking("a").beginning(|start| {
        let timer = Effect::SetTimer("t".into(), Schedule::Every(Duration::from_secs(600)));
        let effects = if start.record.is_none() {
            vec![timer]
        } else {
            vec![]
        };
        Ok((effects, start.record.clone().unwrap_or("begun".into())))
    });
    let patient = swap::ProbationPolicy {
        time: HOUR,
        events: 100,
    };
    let mut site = site_under(patient, &a).await;
    let mut steps = site.swap(&ticking("b").version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    // The timer set by the version before is the one after it's.
    site.bench.clock.sleep_until(Duration::from_secs(601)).await;
    // A command may go before it, but not two.
    site.call("look").await;
    assert_eq!(site.call("look").await, ok("begun b:t"));
    assert_eq!(site.call("cancel").await.0, "200");
    site.bench
        .clock
        .sleep_until(Duration::from_secs(1300))
        .await;
    assert_eq!(site.call("look").await, ok("begun b:t"), "it is cancelled");

    // The roll-back brings the timer back, which has been due meanwhile.
    site.call("trap").await;
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
    site.bench
        .clock
        .sleep_until(Duration::from_secs(1801))
        .await;
    let (status, record) = site.call("look").await;
    assert_eq!(status, "200");
    assert!(record.starts_with("\"begun a:t"), "{record}");
}

/// Notes the desired properties and messages it is given, and fails with them if it is to.
fn noting(fails: bool, noted: &Arc<Mutex<Vec<String>>>) -> Scripted {
    let noted = noted.clone();
    Scripted::new(move |event, record| {
        let (what, answer) = match &event {
            Event::Desired { properties, .. } => {
                let given = |(name, value): (&String, &Value)| Acknowledgment {
                    property: name.clone(),
                    value: value.clone(),
                    status: 200,
                    description: String::new(),
                };
                let given = properties.iter().map(given).collect();
                (
                    json!(properties).to_string(),
                    Answer::Acknowledgments(given),
                )
            }
            Event::Message { body, .. } => (String::from_utf8(body.clone()).unwrap(), Answer::None),
            _ => return reply(record, record),
        };
        if fails && what.contains("bad") {
            return Err(CallFailure::Trap("not that".to_owned()));
        }
        noted.lock().unwrap().push(what);
        Ok((answer, vec![], record.to_owned()))
    })
}

#[tokio::test]
async fn a_desired_property_a_candidate_fails_at_is_applied_by_the_version_before_with_all_others()
{
    let (by_a, by_b) = (Arc::default(), Arc::default());
    let mut site = site(&noting(false, &by_a)).await;
    site.desire(2, &json!({ "x": 1, "$version": 2 }));
    let acknowledged = |sent: &ClientPacket| match sent {
        ClientPacket::Publish { topic, payload, .. } if topic.contains("reported") => {
            serde_json::from_slice::<Value>(payload).ok()
        }
        _ => None,
    };
    let twin = json!({ "x": 1, "y": "bad", "$version": 3 });
    let first = site.sent(&twin, acknowledged).await;
    assert_eq!(first["x"]["av"], 2);

    let mut steps = site.swap(&noting(true, &by_b).version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    site.desire(3, &json!({ "y": "bad", "$version": 3 }));
    let answered = site.sent(&twin, acknowledged).await;
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
    // All of the twin, not only what failed: what the candidate did with the rest is undone.
    for property in ["x", "y"] {
        assert_eq!(answered[property]["ac"], 200, "{answered}");
        assert_eq!(answered[property]["av"], 3, "{answered}");
    }
    assert!(by_b.lock().unwrap().is_empty());
    let by_a = by_a.lock().unwrap();
    assert_eq!(by_a[..], [r#"{"x":1}"#, r#"{"x":1,"y":"bad"}"#]);
}

#[tokio::test]
async fn a_message_a_candidate_fails_at_is_taken_by_the_version_before_and_acknowledged_once() {
    let (by_a, by_b) = (Arc::default(), Arc::default());
    let mut site = site(&noting(false, &by_a)).await;
    let mut steps = site.swap(&noting(true, &by_b).version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    for (number, body) in [(1, "good"), (2, "bad"), (3, "last")] {
        site.deliver(number, body);
    }
    let receipt = |sent: &ClientPacket| match sent {
        ClientPacket::Acknowledge(receipt) => Some(receipt.0),
        _ => None,
    };
    let twin = json!({ "$version": 1 });
    for number in 1..=3 {
        assert_eq!(site.sent(&twin, receipt).await, number, "in request");
    }
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
    assert_eq!(by_b.lock().unwrap()[..], ["good"]);
    assert_eq!(by_a.lock().unwrap()[..], ["good", "bad", "last"]);
}

#[tokio::test]
async fn a_message_of_a_connection_that_is_lost_is_not_handed_on() {
    let gate = Gate::closed();
    let (by_a, by_b) = (Arc::default(), Arc::default());
    let site = site(&noting(false, &by_a)).await;
    let b = noting(true, &by_b).version("b").held_by(&gate);
    let mut steps = site.swap(&b).await;
    until(&mut steps, SwapStep::Started).await;
    site.deliver(1, "bad");
    gate.came.acquire().await.unwrap().forget();
    let Site {
        mut bench,
        hub,
        requests,
    } = site;
    drop(hub);
    while status(&requests).await.connection.state == ConnectionState::Connected {
        tokio::task::yield_now().await;
    }
    gate.open.add_permits(1);
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
    let hub = bench.connected().await;
    let mut site = Site {
        bench,
        hub,
        requests,
    };
    assert_eq!(site.call("look").await.0, "200");
    assert!(by_a.lock().unwrap().is_empty(), "the hub delivers it again");
}

#[tokio::test]
async fn a_swap_back_to_the_version_before_is_a_rollback_and_keeps_the_one_before_that() {
    let z = recorder().version("z");
    let mut site = site(&z).await;
    let a = recorder();
    site.accepts(&a).await;
    // Another one is tried, and the accepted one put back.
    until(
        &mut site.swap(&recorder().version("b")).await,
        SwapStep::Started,
    )
    .await;
    until(&mut site.swap(&a).await, SwapStep::RolledBack).await;
    let status = site.status().await;
    assert_eq!(status.state, ComponentState::Accepted);
    assert_eq!(status.previous.unwrap().info.sha256, "z");
    assert_eq!(status.quarantined[0].sha256, "b");
    let back = next(&mut site.roll_back().await).await;
    assert_eq!(back.version.unwrap().sha256, "a");
    assert_eq!(back.rolled_back_to.unwrap().sha256, "z");
    assert_eq!(z.reasons(), [Reason::Fresh, Reason::Swap], "its code runs");
    assert_eq!(site.runs().await, "z");
}

#[tokio::test]
async fn a_version_fails_until_the_one_to_go_back_to_is_loaded_and_no_other_takes_its_place() {
    let kept = PersistedState {
        record: Some("of b".to_owned()),
        versions: versions("b", Some(("a", "of a")), Some("z")),
        ..PersistedState::default()
    };
    let b = failing().version("b");
    let mut site = site_with(&b, kept).await;
    let mut steps = site.swap(&failing().version("c")).await;
    until(&mut steps, SwapStep::Started).await;
    assert_eq!(site.call("trap").await.0, "500");
    assert_eq!(site.runs().await, "c", "not b with the record of a");
    let refused = next(&mut site.roll_back().await).await;
    assert_eq!(refused.step, SwapStep::Rejected);
    assert!(refused.reason.unwrap().contains("not loaded"));
    assert_eq!(site.call("one").await, ok("of b+one"));

    site.loaded(&recorder().version("z")).await;
    assert_eq!(site.runs().await, "c", "another one does not do");
    let a = recorder();
    site.loaded(&a).await;
    assert_eq!(next(&mut steps).await.step, SwapStep::RolledBack);
    assert_eq!(site.call("two").await, ok("of a+two"));
    assert_eq!(a.reasons(), [Reason::Recovered]);
}
#[tokio::test]
async fn a_message_it_sent_must_arrive_before_a_version_is_accepted() {
    let b = Scripted::new(|event, record| match event {
        Event::Command { .. } => {
            let message = scripted::telemetry();
            let (answer, mut effects, record) = reply(record, record)?;
            effects.push(Effect::Telemetry(message));
            Ok((answer, effects, record))
        }
        _ => Ok((Answer::None, vec![], record.to_owned())),
    });
    let mut site = site(&recorder()).await;
    let mut steps = site.swap(&b.version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    call(&site.hub, "one", "1");
    let mut held = None;
    let mut answers = 0;
    while answers == 0 || held.is_none() {
        match site.hub.next().await.unwrap() {
            ClientPacket::Publish {
                topic,
                delivery: host::mqtt::Delivery::AtLeastOnce(number),
                ..
            } if topic.contains("/messages/events/") => held = Some(number),
            ClientPacket::Publish { topic, .. } if topic.starts_with("$iothub/methods/res") => {
                answers += 1
            }
            _ => {}
        }
    }
    site.call("two").await;
    site.bench.clock.sleep_until(Duration::from_secs(40)).await;
    assert!(matches!(
        site.status().await.state,
        ComponentState::Probation { events_left: 0, .. }
    ));
    site.hub.send(Incoming::Acknowledged(held.unwrap()));
    assert_eq!(next(&mut steps).await.step, SwapStep::Accepted);
}
