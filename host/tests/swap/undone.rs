//! The end of a probation for what the candidate has taken from the cloud and queued for it.

use std::time::Duration;

use bytes::Bytes;
use host::{
    clock::Clock,
    contract::{
        behaviour::{Answer, CallFailure, Event},
        effect::{Effect, Schedule},
    },
    mqtt::scripted::ClientPacket,
    store::{KeptMessage, PersistedState, dead_letter::CloudMessage},
    swap::ProbationPolicy,
    versions::{HistoryEntry, SwapStep},
};
use serde_json::json;

use super::{
    POLICY, Site, Steps, begin, next, ok,
    rollback::doomed,
    scripted::{Scripted, command_name, reply, telemetry},
    site, site_under, site_with, status, swap_config, until, versions,
};

/// Records the bodies of its messages, and answers commands with them; `trap` traps, and `send` sends a message.
fn taker(version: &'static str) -> Scripted {
    let taker = Scripted::new(move |event, record| match &event {
        Event::Message { body, .. } => {
            let body = String::from_utf8_lossy(body);
            Ok((Answer::None, vec![], format!("{record}+{body}")))
        }
        _ => match command_name(&event) {
            "trap" => Err(CallFailure::Trap("it is broken".to_owned())),
            "send" => {
                let (answer, _, record) = reply(record, record)?;
                Ok((answer, vec![Effect::Telemetry(telemetry())], record))
            }
            _ => reply(record, record),
        },
    });
    taker.version(version)
}

fn kept(handled: bool, body: &'static str) -> KeptMessage {
    KeptMessage {
        handled,
        message: CloudMessage {
            properties: vec![],
            body: Bytes::from_static(body.as_bytes()),
        },
    }
}

/// Begins with `b` on probation.
async fn on_probation(site: &mut Site) -> Steps {
    let mut steps = site.swap(&taker("b")).await;
    until(&mut steps, SwapStep::Started).await;
    steps
}

/// Delivers messages of these bodies, and waits until they are acknowledged.
async fn deliver(site: &mut Site, bodies: &[&'static str]) {
    for (number, body) in bodies.iter().enumerate() {
        site.deliver(number as u16 + 1, body);
    }
    for number in 1..=bodies.len() {
        let receipt = |sent: &ClientPacket| match sent {
            ClientPacket::Acknowledge(receipt) => Some(receipt.0),
            _ => None,
        };
        assert_eq!(
            site.sent(&json!({ "$version": 1 }), receipt).await,
            number as u16
        );
    }
}

/// Lets the version on probation trap, which the version before answers.
async fn trap(site: &mut Site, steps: &mut Steps) -> HistoryEntry {
    site.call("trap").await;
    let back = next(steps).await;
    assert_eq!(back.step, SwapStep::RolledBack);
    back
}

#[tokio::test]
async fn messages_a_candidate_has_taken_are_handled_by_the_version_that_continues() {
    let mut site = site(&taker("a")).await;
    deliver(&mut site, &["1"]).await;
    let mut steps = on_probation(&mut site).await;
    deliver(&mut site, &["2", "3", "4"]).await;
    assert_eq!(site.call("look").await, ok("begun+1+2+3+4"));
    let mut steps_of_c = site.swap(&taker("c")).await;
    until(&mut steps_of_c, SwapStep::Started).await;
    deliver(&mut site, &["5"]).await;
    let back = trap(&mut site, &mut steps_of_c).await;
    assert_eq!(back.redelivered_messages, Some(4), "those of b too");
    assert!(
        back.describe()
            .contains(", 4 cloud-to-device messages redelivered: ")
    );
    deliver(&mut site, &["6"]).await;
    assert_eq!(site.call("look").await, ok("begun+1+2+3+4+5+6"));
    assert_eq!(next(&mut steps).await.step, SwapStep::Superseded);
}

#[tokio::test]
async fn messages_an_accepted_version_has_taken_are_not_handled_again() {
    let mut site = site(&taker("a")).await;
    let mut steps = on_probation(&mut site).await;
    deliver(&mut site, &["1", "2"]).await;
    until(&mut steps, SwapStep::Accepted).await;
    next(&mut site.roll_back().await).await;
    assert_eq!(site.call("look").await, ok("begun+1+2"));
    let mut steps = site.swap(&taker("c")).await;
    until(&mut steps, SwapStep::Started).await;
    assert_eq!(
        trap(&mut site, &mut steps).await.redelivered_messages,
        Some(0)
    );
    assert_eq!(site.call("look").await, ok("begun+1+2"));
}

#[tokio::test]
async fn a_message_a_candidate_gives_up_is_handled_by_the_version_that_continues() {
    let b = Scripted::new(|event, record| match &event {
        Event::Message { .. } => Err(CallFailure::Error("it will not".to_owned())),
        Event::Command { name, .. } if name == "trap" => Err(CallFailure::Trap("no".to_owned())),
        Event::Timer(_) => Ok((Answer::None, vec![], record.to_owned())),
        _ => reply(record, record),
    });
    // Its timer comes between the attempts, so that there are no three errors in a row.
    let every = Effect::SetTimer("t".to_owned(), Schedule::Every(Duration::from_millis(500)));
    let b = b.beginning(move |_| Ok((vec![every.clone()], "begun".to_owned())));
    let policy = ProbationPolicy {
        events: 1000,
        ..POLICY
    };
    let mut site = site_under(policy, &taker("a")).await;
    let mut steps = site.swap(&b.version("b")).await;
    until(&mut steps, SwapStep::Started).await;
    deliver(&mut site, &["1"]).await;
    assert_eq!(site.status().await.outbox.dead_lettered, 1);
    let back = trap(&mut site, &mut steps).await;
    assert_eq!(back.redelivered_messages, Some(1));
    assert_eq!(site.call("look").await, ok("begun+1"));
}

#[tokio::test]
async fn messages_that_wait_for_the_version_that_continues_survive_a_restart() {
    let state = |fallback| PersistedState {
        record: Some("begun".to_owned()),
        versions: versions("a", fallback, None),
        messages: vec![(3, kept(true, "1")), (4, kept(false, "2"))],
        ..PersistedState::default()
    };
    let mut settled = site_with(&taker("a"), state(None)).await;
    assert_eq!(settled.call("look").await, ok("begun+1+2"));
    // On probation, the first one is in the record already.
    let mut on_probation = site_with(&taker("a"), state(Some(("z", "before")))).await;
    assert_eq!(on_probation.call("look").await, ok("begun+2"));
}

#[tokio::test]
async fn a_message_for_a_version_that_takes_none_becomes_a_dead_letter() {
    let (requests, swap) = swap_config();
    let kept = PersistedState {
        messages: vec![(3, kept(false, "1"))],
        ..PersistedState::default()
    };
    let _bench = begin(&taker("a").without_messages(), swap, kept);
    while status(&requests).await.outbox.dead_lettered == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn messages_for_a_candidate_that_takes_none_are_handled_by_the_version_that_continues() {
    let mut site = site(&taker("a")).await;
    let mut steps = site.swap(&taker("b").without_messages()).await;
    until(&mut steps, SwapStep::Started).await;
    deliver(&mut site, &["1", "2"]).await;
    super::call(&site.hub, "trap", "1");
    assert_eq!(next(&mut steps).await.redelivered_messages, Some(2));
    // It subscribes again.
    site.hub = site.bench.connected().await;
    assert_eq!(site.call("look").await, ok("begun+1+2"));
}

#[tokio::test]
async fn a_message_that_waits_for_a_suspended_component_is_handled_by_the_next_version_at_once() {
    let mut site = site(&doomed()).await;
    assert_eq!(site.call("trap").await.0, "500");
    site.deliver(1, "1");
    assert_eq!(site.call("look").await.0, "503");
    let mut steps = site.swap(&taker("c")).await;
    until(&mut steps, SwapStep::Started).await;
    let before = site.bench.clock.monotonic();
    let receipt = |sent: &ClientPacket| match sent {
        ClientPacket::Acknowledge(receipt) => Some(receipt.0),
        _ => None,
    };
    assert_eq!(site.sent(&json!({ "$version": 1 }), receipt).await, 1);
    assert!(site.bench.clock.monotonic() < before + Duration::from_secs(60));
}

#[tokio::test]
async fn messages_a_candidate_has_queued_go_with_it_and_others_stay() {
    let mut site = site(&taker("a")).await;
    let hold = async |site: &mut Site, version| {
        // The hub acknowledges none of them.
        super::call(&site.hub, "send", version);
        loop {
            match site.hub.next().await.unwrap() {
                ClientPacket::Publish { topic, .. } if topic.starts_with("$iothub/methods/res") => {
                    break;
                }
                _ => {}
            }
        }
    };
    for _ in 0..40 {
        hold(&mut site, "1").await;
    }
    let mut steps = on_probation(&mut site).await;
    for _ in 0..10 {
        hold(&mut site, "2").await;
    }
    assert_eq!(site.status().await.outbox.messages, 50);
    let back = trap(&mut site, &mut steps).await;
    assert_eq!(back.dropped_messages, Some(10));
    assert!(back.describe().contains(", 10 queued messages dropped: "));
    assert_eq!(site.status().await.outbox.messages, 40);
}
