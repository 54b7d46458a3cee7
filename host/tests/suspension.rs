//! A call that keeps failing is suspended, and the rest of the device goes on.

mod scripted;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use host::{
    clock::Clock,
    contract::{
        behaviour::{Answer, CallFailure, Event},
        effect::{Effect, Schedule},
    },
    hub::twin::Acknowledgment,
    mqtt::scripted::{ClientPacket, ScriptedConnection},
};
use scripted::{Scripted, call, command_name, reply, run};
use serde_json::{Value, json};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

/// Handles everything but what is named `bad`, until it is mended.
fn partly_bad(is_mended: &Arc<AtomicBool>) -> Scripted {
    let is_mended = is_mended.clone();
    let trap = || Err(CallFailure::Trap("unreachable".to_owned()));
    let behaviour = Scripted::new(move |event, record| match &event {
        Event::Timer(name) if name == "bad" => trap(),
        Event::Timer(_) => Ok((Answer::None, vec![], format!("{record}."))),
        Event::Desired { properties, .. }
            if properties.contains_key("bad") && !is_mended.load(Ordering::Relaxed) =>
        {
            trap()
        }
        Event::Desired { properties, .. } => {
            let answers = properties.iter().map(|(name, value)| Acknowledgment {
                property: name.clone(),
                value: value.clone(),
                status: 200,
                description: String::new(),
            });
            Ok((
                Answer::Acknowledgments(answers.collect()),
                vec![],
                record.to_owned(),
            ))
        }
        event => match command_name(event) {
            "bad" => trap(),
            _ => reply(record, record),
        },
    });
    behaviour.beginning(|start| Ok((vec![], start.record.clone().unwrap_or_default())))
}

/// The next answer to a command; the twin asked for meanwhile has these desired properties.
async fn answer(hub: &mut ScriptedConnection, desired: &Value) -> (String, String) {
    loop {
        let (topic, body) = next(hub, desired).await;
        if let Some(answer) = topic.strip_prefix("$iothub/methods/res/") {
            return (answer.split('/').next().unwrap().to_owned(), body);
        }
    }
}

/// The next reported property, by this name.
async fn reported(hub: &mut ScriptedConnection, desired: &Value, name: &str) -> Value {
    loop {
        let (topic, body) = next(hub, desired).await;
        let report: Value = serde_json::from_str(&body).unwrap_or_default();
        if topic.contains("/reported/") && !report[name].is_null() {
            return report[name].clone();
        }
    }
}

async fn next(hub: &mut ScriptedConnection, desired: &Value) -> (String, String) {
    loop {
        let Some(ClientPacket::Publish { topic, payload, .. }) = hub.next().await else {
            continue;
        };
        let body = String::from_utf8(payload.to_vec()).unwrap();
        if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
            let twin = json!({ "desired": desired, "reported": {} }).to_string();
            hub.publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
        } else if let Some(request) =
            topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=")
        {
            hub.publish(
                &format!("$iothub/twin/res/204/?$rid={request}&$version=2"),
                "",
            );
        }
        return (topic, body);
    }
}

#[tokio::test]
async fn a_command_that_traps_is_answered_with_503_and_every_other_one_is_carried_out() {
    let mut bench = run(&partly_bad(&Arc::default()));
    let mut hub = bench.connected().await;
    let none = json!({ "$version": 1 });
    for _ in 0..5 {
        call(&hub, "bad", "1");
        assert_eq!(answer(&mut hub, &none).await.0, "500");
        call(&hub, "good", "1");
        assert_eq!(answer(&mut hub, &none).await.0, "200");
    }
    let since = bench.clock.monotonic();
    call(&hub, "bad", "2");
    let (status, body) = answer(&mut hub, &none).await;
    assert_eq!(status, "503");
    assert!(
        body.contains("suspended after repeated failures: component stopped: unreachable"),
        "{body}"
    );
    call(&hub, "good", "1");
    assert_eq!(answer(&mut hub, &none).await.0, "200");
    // Five minutes later it is tried again, and a single failure suspends it for longer.
    for minutes in [5, 10] {
        bench
            .clock
            .sleep_until(since + 60 * minutes * SECOND + SECOND)
            .await;
        call(&hub, "bad", "1");
        assert_eq!(
            answer(&mut hub, &none).await.0,
            if minutes == 5 { "500" } else { "503" }
        );
    }
}

#[tokio::test]
async fn a_desired_property_that_traps_is_answered_with_503_and_tried_again_later() {
    let is_mended = Arc::default();
    let behaviour = partly_bad(&is_mended);
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    let desire = |hub: &ScriptedConnection, version: u64, properties: Value| {
        let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
        hub.publish(&topic, properties.to_string());
    };
    let mut desired = json!({ "$version": 1 });
    for version in 2..=6 {
        desire(&hub, version, json!({ "bad": version }));
        desired = json!({ "bad": version, "$version": version });
        assert_eq!(reported(&mut hub, &desired, "bad").await["ac"], 500);
    }
    desire(&hub, 7, json!({ "bad": 7, "good": 7 }));
    desired = json!({ "bad": 7, "good": 7, "$version": 7 });
    let answer = reported(&mut hub, &desired, "bad").await;
    assert_eq!(
        (&answer["ac"], &answer["av"], &answer["value"]),
        (&json!(503), &json!(7), &json!(7))
    );
    assert!(
        answer["ad"].as_str().unwrap().contains("unreachable"),
        "{answer}"
    );
    assert_eq!(reported(&mut hub, &desired, "good").await["ac"], 200);
    // Once the suspension is over, the value desired meanwhile is applied.
    is_mended.store(true, Ordering::Relaxed);
    let answer = reported(&mut hub, &desired, "bad").await;
    assert_eq!((&answer["ac"], &answer["value"]), (&json!(200), &json!(7)));
    assert!(bench.clock.monotonic() >= 300 * SECOND);
}

#[tokio::test]
async fn a_property_that_traps_costs_none_that_changed_with_it() {
    let behaviour = partly_bad(&Arc::default());
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    let mut desired = json!({ "bad": 1, "$version": 2 });
    for number in 0..20 {
        desired[format!("good{number}")] = json!(number);
    }
    let topic = "$iothub/twin/PATCH/properties/desired/?$version=2";
    hub.publish(topic, desired.to_string());
    let mut statuses = std::collections::BTreeMap::new();
    while statuses.len() < 21 {
        let (topic, body) = next(&mut hub, &desired).await;
        if topic.contains("/reported/") {
            let report: Value = serde_json::from_str(&body).unwrap();
            for (name, answer) in report.as_object().unwrap() {
                statuses.insert(name.clone(), answer["ac"].clone());
            }
        }
    }
    assert_eq!(statuses.remove("bad").unwrap(), 500);
    assert!(
        statuses.values().all(|status| *status == 200),
        "{statuses:?}"
    );
    let failures = behaviour.reasons().len() - 1;
    assert!(failures <= 6, "halves find it: {failures}");
}

#[tokio::test]
async fn a_timer_that_traps_waits_and_the_others_go_on() {
    let bad = partly_bad(&Arc::default()).beginning(|start| {
        let every = |name: &str| Effect::SetTimer(name.to_owned(), Schedule::Every(SECOND));
        Ok((
            vec![every("bad"), every("good")],
            start.record.clone().unwrap_or_default(),
        ))
    });
    let mut bench = run(&bad);
    let mut hub = bench.connected().await;
    let none = json!({ "$version": 1 });
    for second in 1..=100 {
        bench.clock.sleep_until(second * SECOND).await;
    }
    call(&hub, "look", "1");
    let (_, body) = answer(&mut hub, &none).await;
    let ticks = body.trim_matches('"').len();
    assert!(ticks > 50, "{ticks}");
    let starts = bad.reasons().len();
    assert_eq!(starts, 6, "one, and one after each of five failures");
}

#[tokio::test]
async fn a_record_that_a_restart_refuses_is_told_with_the_way_out() {
    let behaviour = partly_bad(&Arc::default()).beginning(|start| match start.record {
        None => Ok((vec![], "first".to_owned())),
        Some(_) => Err(CallFailure::Error("unknown schema".to_owned())),
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    let none = json!({ "$version": 1 });
    call(&hub, "bad", "1");
    assert_eq!(answer(&mut hub, &none).await.0, "500");
    call(&hub, "look", "1");
    let (status, body) = answer(&mut hub, &none).await;
    assert_eq!(status, "503");
    for words in ["unknown schema", "--fresh-state"] {
        assert!(body.contains(words), "{body}");
    }
}
