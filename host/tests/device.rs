//! One device on a scripted transport and a virtual clock: what becomes of calls that fail, answers that must wait, and
//! connections that break.

mod scripted;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use host::{
    clock::{Clock, SystemClock},
    contract::{
        behaviour::{Answer, CallFailure, Event, Reason},
        effect::{Effect, ReportedProperties, Schedule},
    },
    device::DeviceError,
    hub::{reply::Reply, twin::Acknowledgment},
    mqtt::{ConnectError, Delivery, Incoming, Receipt, scripted::ClientPacket},
    store::{Backend, DeviceStore, MemoryBackend, PersistedState, Progress, Retention, row::Row},
    swap,
};
use scripted::{
    HOUR, Scripted, answered, call, command_name, published, put_together, reply, run, run_on,
    with_connection_string,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing_subscriber::fmt::format::FmtSpan;

/// A backend that accepts batches when the test says so.
struct Slow(Arc<watch::Sender<Progress>>);

/// Batches up to this one are kept.
fn kept(number: u64) -> Progress {
    Progress {
        accepted: number,
        durable: number,
        ..Progress::default()
    }
}

impl Backend for Slow {
    fn persist(&mut self, _: u64, _: &[Row<'_>]) {}

    fn progress(&self) -> watch::Receiver<Progress> {
        self.0.subscribe()
    }
}

/// A log that a test reads.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn calls_and_connection_attempts_have_spans_with_the_device() {
    let log = Log::default();
    let to = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(FmtSpan::NEW)
        .with_writer(move || to.clone())
        .finish();
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let behaviour = Scripted::new(|_, record| {
        tracing::info!("handled");
        reply(record, "ok")
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    call(&hub, "one", "a1");
    answered(&mut hub).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for line in [
        r#"connection_attempt{device="d" server="hub.example"}: host::device::connection::attempt: new"#,
        r#"guest_call{device="d" export="init"}: host::device::supervisor: new"#,
        r#"guest_call{device="d" export="on-command"}: device: handled"#,
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[tokio::test]
async fn a_failed_call_leaves_nothing_behind_and_the_next_one_finds_the_last_record() {
    let behaviour = Scripted::new(|event, record| match command_name(&event) {
        "trap" => Err(CallFailure::Trap("unreachable".to_owned())),
        "err" => Err(CallFailure::Error("no".to_owned())),
        name => reply(record, name),
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    for (name, status, body) in [
        ("one", "200", "\"begun\""),
        (
            "trap",
            "500",
            "{\"error\":\"component stopped: unreachable\"}",
        ),
        ("two", "200", "\"one\""),
        (
            "err",
            "500",
            "{\"error\":\"component returned an error: no\"}",
        ),
        ("three", "200", "\"two\""),
    ] {
        call(&hub, name, "a1");
        // A new instance asks for the twin again, because what the failed one was told may be lost.
        let (topic, answer) = loop {
            let (topic, body) = published(&mut hub).await;
            if !topic.contains("twin/GET") {
                break (topic, String::from_utf8(body.to_vec()).unwrap());
            }
        };
        assert_eq!(
            (topic, &*answer),
            (format!("$iothub/methods/res/{status}/?$rid=a1"), body)
        );
    }
    assert_eq!(
        behaviour.reasons(),
        [Reason::Fresh, Reason::Recovered, Reason::Recovered]
    );
}

#[tokio::test]
async fn an_answer_waits_for_its_batch_only_if_the_call_changed_something() {
    let accepted = Arc::new(watch::Sender::new(kept(1)));
    let behaviour = Scripted::new(|event, record| match command_name(&event) {
        "look" => reply("looked", record),
        name => reply("changed", name),
    });
    let mut bench = run_on(&behaviour, Box::new(Slow(accepted.clone())));
    let mut hub = bench.connected().await;
    call(&hub, "change", "1");
    call(&hub, "look", "2");
    assert_eq!(
        answered(&mut hub).await,
        ("200/?$rid=2".to_owned(), "\"looked\"".to_owned())
    );
    accepted.send_replace(kept(100));
    assert_eq!(
        answered(&mut hub).await,
        ("200/?$rid=1".to_owned(), "\"changed\"".to_owned())
    );
}

#[tokio::test]
async fn a_command_whose_payload_is_not_json_is_refused_and_never_reaches_the_behaviour() {
    let behaviour = Scripted::new(|event, record| match event {
        Event::Command { payload, .. } => reply(&format!("{payload:?}"), record),
        _ => reply("", record),
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    let malformed: [&[u8]; 4] = [b"{", b"yesterday", b"{} {}", b"\"\xff\""];
    for (request, payload) in malformed.into_iter().enumerate() {
        hub.publish(
            &format!("$iothub/methods/POST/any/?$rid={request}"),
            payload,
        );
        let (topic, body) = answered(&mut hub).await;
        assert_eq!(topic, format!("400/?$rid={request}"));
        assert_eq!(body, r#"{"error":"the payload is not JSON"}"#);
    }
    hub.publish("$iothub/methods/POST/any/?$rid=9", "");
    let (topic, _) = answered(&mut hub).await;
    assert_eq!(topic, "200/?$rid=9", "no payload is no mistake");
}

#[tokio::test]
async fn nothing_is_sent_before_its_batch_is_accepted() {
    let accepted = Arc::new(watch::Sender::new(kept(1)));
    let behaviour = Scripted::new(|event, record| match command_name(&event) {
        "report" => {
            let properties = json!({ "max": 7 }).as_object().unwrap().clone();
            let report = Effect::Report(ReportedProperties {
                component: None,
                properties,
            });
            Ok((
                Answer::Reply(Reply {
                    status: 200,
                    payload: String::new(),
                }),
                vec![report],
                record.to_owned(),
            ))
        }
        _ => reply("looked", record),
    });
    let mut bench = run_on(&behaviour, Box::new(Slow(accepted.clone())));
    let mut hub = bench.connected().await;
    call(&hub, "report", "1");
    call(&hub, "look", "2");
    assert_eq!(answered(&mut hub).await.0, "200/?$rid=2");
    accepted.send_replace(kept(100));
    let topics = [published(&mut hub).await.0, published(&mut hub).await.0];
    assert!(
        topics
            .iter()
            .any(|topic| topic == "$iothub/methods/res/200/?$rid=1"),
        "{topics:?}"
    );
    assert!(
        topics
            .iter()
            .any(|topic| topic.starts_with("$iothub/twin/PATCH/properties/reported/")),
        "{topics:?}"
    );
}

#[tokio::test]
async fn an_answer_never_leaves_on_another_connection_than_its_question_came_by() {
    let accepted = Arc::new(watch::Sender::new(kept(1)));
    let behaviour = Scripted::new(|event, _| reply("changed", command_name(&event)));
    let mut bench = run_on(&behaviour, Box::new(Slow(accepted.clone())));
    let hub = bench.connected().await;
    call(&hub, "before", "1");
    drop(hub);
    let mut hub = bench.connected().await;
    accepted.send_replace(kept(1000));
    call(&hub, "after", "2");
    assert_eq!(answered(&mut hub).await.0, "200/?$rid=2");
}

#[tokio::test]
async fn desired_properties_of_a_failed_call_are_answered_with_500() {
    let behaviour = Scripted::new(|_, _| Err(CallFailure::Error("broken".to_owned())));
    let mut bench = run(&behaviour);
    let mut hub = bench
        .connected_with(&json!({ "target": 5, "$version": 3 }))
        .await;
    let (topic, body) = published(&mut hub).await;
    assert!(
        topic.starts_with("$iothub/twin/PATCH/properties/reported/"),
        "{topic}"
    );
    let report: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(report["target"]["ac"], 500);
    assert_eq!(report["target"]["av"], 3);
    assert_eq!(report["target"]["value"], 5);
    assert!(report["target"]["ad"].as_str().unwrap().contains("broken"));
}

#[tokio::test]
async fn desired_properties_that_cannot_be_read_are_passed_over() {
    let behaviour = Scripted::new(|event, record| match event {
        Event::Desired { properties, .. } => {
            let (property, value) = properties.into_iter().next().unwrap();
            let acknowledgment = Acknowledgment {
                property,
                value,
                status: 200,
                description: String::new(),
            };
            Ok((
                Answer::Acknowledgments(vec![acknowledgment]),
                vec![],
                record.to_owned(),
            ))
        }
        _ => reply("", record),
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    for malformed in ["{", "[]", "7", "\"x\"", "null", "{\"target\":"] {
        hub.publish(
            "$iothub/twin/PATCH/properties/desired/?$version=2",
            malformed,
        );
    }
    hub.publish(
        "$iothub/twin/PATCH/properties/desired/?$version=2",
        "{\"target\":4,\"$version\":2}",
    );
    let (_, body) = published(&mut hub).await;
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["target"]["av"],
        2
    );
}

#[tokio::test]
async fn a_message_is_tried_five_times_and_then_acknowledged_in_its_turn() {
    let tries = Arc::new(Mutex::new(Vec::new()));
    let seen = tries.clone();
    let behaviour = Scripted::new(move |event, record| {
        let Event::Message { body, .. } = event else {
            return reply("", record);
        };
        let text = String::from_utf8(body).unwrap();
        seen.lock().unwrap().push(text.clone());
        if text == "bad" {
            Err(CallFailure::Error("no".to_owned()))
        } else {
            Ok((Answer::None, vec![], text))
        }
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    for (number, body) in [(1, "first"), (2, "bad"), (3, "third")] {
        hub.send(Incoming::Message {
            topic: "devices/d/messages/devicebound/$.mid=x".to_owned(),
            payload: body.into(),
            receipt: Some(Receipt(number)),
        });
    }
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 3 {
        if let Some(ClientPacket::Acknowledge(receipt)) = hub.next().await {
            acknowledged.push(receipt.0);
        }
    }
    assert_eq!(acknowledged, [1, 2, 3]);
    assert_eq!(
        *tries.lock().unwrap(),
        ["first", "bad", "bad", "bad", "bad", "bad", "third"]
    );
}

#[tokio::test]
async fn a_throttled_report_is_sent_again_and_a_refused_one_is_given_up() {
    let behaviour = Scripted::new(|event, record| {
        let properties = json!({ "name": command_name(&event) })
            .as_object()
            .unwrap()
            .clone();
        let report = Effect::Report(ReportedProperties {
            component: None,
            properties,
        });
        Ok((
            Answer::Reply(Reply {
                status: 200,
                payload: String::new(),
            }),
            vec![report],
            record.to_owned(),
        ))
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    for name in ["one", "two", "three"] {
        call(&hub, name, "1");
    }
    let mut names = Vec::new();
    for status in [429, 500, 204, 400, 204] {
        let (topic, body) = loop {
            let (topic, body) = published(&mut hub).await;
            if let Some(request) =
                topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=")
            {
                break (request.to_owned(), body);
            }
        };
        names.push(
            serde_json::from_slice::<Value>(&body).unwrap()["name"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        hub.publish(
            &format!("$iothub/twin/res/{status}/?$rid={topic}&$version=2"),
            "",
        );
    }
    assert_eq!(names, ["one", "one", "one", "two", "three"]);
}

#[tokio::test]
async fn a_one_shot_timer_whose_call_fails_fires_again() {
    let tries = Arc::new(Mutex::new(0));
    let behaviour = Scripted::new(move |event, record| match event {
        Event::Timer(_) => {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            if *tries < 3 {
                return Err(CallFailure::Error("not yet".to_owned()));
            }
            let properties = json!({ "tries": *tries }).as_object().unwrap().clone();
            let report = Effect::Report(ReportedProperties {
                component: None,
                properties,
            });
            Ok((Answer::None, vec![report], record.to_owned()))
        }
        _ => {
            let schedule = Schedule::Once(Duration::from_secs(5));
            let timer = Effect::SetTimer("once".to_owned(), schedule);
            let reply = Reply {
                status: 200,
                payload: String::new(),
            };
            Ok((Answer::Reply(reply), vec![timer], record.to_owned()))
        }
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    call(&hub, "arm", "1");
    assert_eq!(answered(&mut hub).await.0, "200/?$rid=1");
    let (_, report) = published(&mut hub).await;
    assert_eq!(
        serde_json::from_slice::<Value>(&report).unwrap(),
        json!({ "tries": 3 })
    );
    assert_eq!(bench.clock.monotonic(), Duration::from_secs(5 + 1 + 2));
}

#[tokio::test]
async fn a_fifth_timer_of_four_is_refused_whole() {
    let behaviour = Scripted::new(|event, record| {
        let name = command_name(&event).to_owned();
        let timers = name
            .chars()
            .map(|c| Effect::SetTimer(c.to_string(), Schedule::Every(HOUR)))
            .collect();
        Ok((
            Answer::Reply(Reply {
                status: 200,
                payload: String::new(),
            }),
            timers,
            record.to_owned(),
        ))
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    for (name, status) in [("abcd", 200), ("dcba", 200), ("e", 500)] {
        call(&hub, name, "1");
        let expected = format!("$iothub/methods/res/{status}/?$rid=1");
        while published(&mut hub).await.0 != expected {}
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_with_the_same_id() {
    let behaviour = Scripted::new(|_, record| {
        let message = host::hub::message::TelemetryMessage {
            id: "m-1".to_owned(),
            created: "2026-01-01T00:00:00Z".parse().unwrap(),
            component: None,
            content_type: String::new(),
            content_encoding: String::new(),
            properties: vec![],
            body: "{}".into(),
        };
        let effects = vec![Effect::Telemetry(message)];
        Ok((
            Answer::Reply(Reply {
                status: 200,
                payload: String::new(),
            }),
            effects,
            record.to_owned(),
        ))
    });
    let mut bench = run(&behaviour);
    let mut hub = bench.connected().await;
    call(&hub, "send", "1");
    let mut topics = Vec::new();
    for _ in 0..3 {
        loop {
            if let Some(ClientPacket::Publish {
                topic,
                delivery: Delivery::AtLeastOnce(_),
                ..
            }) = hub.next().await
            {
                topics.push(topic);
                break;
            }
        }
        drop(hub);
        hub = bench.connected().await;
    }
    assert!(topics[0].contains("$.mid=m-1"));
    assert!(topics.iter().all(|topic| topic == &topics[0]), "{topics:?}");
}

#[tokio::test]
async fn a_refused_topic_is_a_lost_connection() {
    let behaviour = Scripted::new(|_, record| reply("", record));
    let mut bench = run(&behaviour);
    let hub = bench.server.next().await.unwrap().accept();
    hub.send(Incoming::Subscribed {
        refused: vec!["$iothub/methods/POST/#".to_owned()],
    });
    let _hub = bench.connected().await;
}

#[tokio::test]
async fn a_refusal_ends_a_device_that_never_connected_and_no_other() {
    let behaviour = Scripted::new(|_, record| reply("", record));
    let error = ConnectError::Refused(5);
    let mut bench = run(&behaviour);
    bench.server.next().await.unwrap().refuse(error.clone());
    assert!(matches!(
        bench.device.await.unwrap(),
        Err(DeviceError::Rejected(_))
    ));

    let mut bench = run(&behaviour);
    drop(bench.connected().await);
    bench.server.next().await.unwrap().refuse(error);
    drop(bench.connected().await);
    for error in [
        ConnectError::Refused(3),
        ConnectError::Certificate("untrusted".to_owned()),
        ConnectError::Unreachable("no address".to_owned()),
    ] {
        let mut bench = run(&behaviour);
        bench.server.next().await.unwrap().refuse(error);
        drop(bench.connected().await);
    }
}

#[tokio::test]
async fn a_hub_that_accepts_and_then_says_nothing_is_left() {
    let behaviour = Scripted::new(|_, record| reply("", record));
    let mut bench = run(&behaviour);
    let silent = bench.server.next().await.unwrap().accept();
    let _hub = bench.connected().await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_always_busy_does_not_keep_the_device_from_coming_back() {
    let behaviour = Scripted::new(|event, record| match event {
        Event::Timer(_) => {
            // Longer than the period: the timer is always due.
            std::thread::sleep(Duration::from_millis(3));
            Ok((Answer::None, vec![], record.to_owned()))
        }
        _ => {
            let schedule = Schedule::Every(Duration::from_millis(1));
            let timers = ["a", "b"].map(|name| Effect::SetTimer(name.to_owned(), schedule));
            let reply = Reply {
                status: 200,
                payload: String::new(),
            };
            Ok((Answer::Reply(reply), timers.into(), record.to_owned()))
        }
    });
    let backend = Box::new(MemoryBackend::default());
    let clock = Arc::new(SystemClock::new());
    let (device, mut server) = put_together(
        with_connection_string(),
        &behaviour,
        swap::SwapConfig::default(),
        DeviceStore::new(
            backend,
            PersistedState::default(),
            Retention::default(),
            &*clock,
        ),
        clock,
    );
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(device.run(async move {
        let _ = ended.await;
    }));
    let mut hub = server.next().await.unwrap().accept();
    assert!(matches!(hub.next().await, Some(ClientPacket::Subscribe(_))));
    hub.send(Incoming::Subscribed { refused: vec![] });
    call(&hub, "begin", "1");
    while !published(&mut hub)
        .await
        .0
        .starts_with("$iothub/methods/res/200/")
    {}
    drop(hub);
    let _hub = server.next().await.unwrap().accept();
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}
