//! Dead letters: which items are dead-lettered, and how an operator resolves them.

mod scripted;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::FutureExt;
use host::{
    clock::{Clock, VirtualClock},
    contract::{
        behaviour::{Answer, CallFailure, Event},
        effect::{Effect, ReportedProperties},
    },
    hub::message::TelemetryMessage,
    mqtt::{
        Delivery, Incoming, Receipt,
        scripted::{ClientPacket, ScriptedConnection},
    },
    store::{
        Backend, DeviceStore, MemoryBackend, PersistedState, Progress, Retention,
        dead_letter::{
            CloudMessage, DeadLetter, DeadLetterAction, DeadLetterCounts, DeadLetterResult,
            Undelivered,
        },
        row::Row,
    },
    swap::{self, DeviceRequest},
};
use scripted::{
    Bench, Gate, HOUR, Scripted, call, published, put_together, reply, telemetry,
    with_connection_string,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

/// A backend in memory that records the dead letters.
#[derive(Default)]
struct Recording {
    memory: MemoryBackend,
    letters: Arc<Mutex<BTreeMap<u64, DeadLetter>>>,
}

impl Backend for Recording {
    fn persist(&mut self, number: u64, rows: &[Row<'_>]) {
        let mut letters = self.letters.lock().unwrap();
        for row in rows {
            match row {
                Row::DeadLetter(id, entry) => {
                    let of_outbox = !matches!(entry.item, Undelivered::Message(_));
                    let leaves_it = rows
                        .iter()
                        .any(|row| matches!(row, Row::OutgoingRemoved(_)));
                    assert_eq!(leaves_it, of_outbox, "it moves in one batch");
                    letters.insert(*id, (*entry).clone());
                }
                Row::DeadLetterRemoved(id) => drop(letters.remove(id)),
                _ => {}
            }
        }
        drop(letters);
        self.memory.persist(number, rows);
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.memory.progress()
    }
}

struct Site {
    bench: Bench,
    requests: mpsc::Sender<DeviceRequest<Scripted>>,
    letters: Arc<Mutex<BTreeMap<u64, DeadLetter>>>,
}

fn site(behaviour: &Scripted) -> Site {
    site_with(behaviour, PersistedState::default())
}

fn site_with(behaviour: &Scripted, kept: PersistedState) -> Site {
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), 24 * HOUR);
    let backend = Recording::default();
    let letters = backend.letters.clone();
    let (requests, device_requests) = mpsc::channel(1);
    let swap = swap::SwapConfig {
        requests: Some(device_requests),
        ..swap::SwapConfig::default()
    };
    let store = DeviceStore::new(Box::new(backend), kept, Retention::default(), &clock);
    let (device, server) = put_together(
        with_connection_string(),
        behaviour,
        swap,
        store,
        Arc::new(clock.clone()),
    );
    let bench = Bench {
        clock: clock.clone(),
        server,
        device: tokio::spawn(device.run(clock.stopped())),
    };
    Site {
        bench,
        requests,
        letters,
    }
}

impl Site {
    async fn resolve(
        &self,
        action: DeadLetterAction,
        id: Option<u64>,
    ) -> Result<DeadLetterResult, String> {
        let (to, settled) = oneshot::channel();
        let request = DeviceRequest::ResolveDeadLetters(action, id, to);
        self.requests.send(request).await.unwrap();
        settled.await.unwrap()
    }

    /// What is set letters, by id: its body or properties, and why.
    fn dead_letters(&self) -> Vec<(u64, String, String)> {
        let letters = self.letters.lock().unwrap();
        let shown = |(id, entry): (&u64, &DeadLetter)| {
            let what = match &entry.item {
                Undelivered::Telemetry(message) => text(&message.body),
                Undelivered::Report(report) => json!(report).to_string(),
                Undelivered::Message(message) => text(&message.body),
            };
            (*id, what, entry.reason.clone())
        };
        letters.iter().map(shown).collect()
    }

    /// The bodies of what is dead-lettered.
    fn bodies(&self) -> Vec<String> {
        self.dead_letters()
            .into_iter()
            .map(|(_, what, _)| what)
            .collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn done(ids: &[u64]) -> Result<DeadLetterResult, String> {
    Ok(DeadLetterResult {
        done: ids.to_vec(),
        skipped: vec![],
    })
}

/// Begins with these messages, and takes none.
fn sender(bodies: &'static [&str]) -> Scripted {
    let idle = Scripted::new(|_, record| Ok((Answer::None, vec![], record.to_owned())));
    idle.beginning(|_| {
        let message = |body: &&'static str| {
            Effect::Telemetry(TelemetryMessage {
                id: format!("mid-{body}"),
                created: "2025-12-31T23:59:59Z".parse().unwrap(),
                body: body.as_bytes().into(),
                ..telemetry()
            })
        };
        Ok((bodies.iter().map(message).collect(), "begun".to_owned()))
    })
}

/// What becomes of a message at the hub.
enum Fate {
    Acknowledged,
    /// The hub closes the connection.
    Closed,
    /// Nothing, until the device gives up.
    Silence,
}

/// Serves connections until all these have been acknowledged. Returns what came on each connection, and the last one.
async fn serve(
    bench: &mut Bench,
    mut awaited: Vec<&str>,
    fate: impl Fn(usize, &str) -> Fate,
) -> (Vec<Vec<String>>, ScriptedConnection) {
    let mut came = Vec::new();
    loop {
        let mut hub = bench.connected().await;
        let number = came.len() + 1;
        let mut bodies = Vec::new();
        while let Some((_, body, delivery)) = message(&mut hub).await {
            bodies.push(body.clone());
            match fate(number, &body) {
                Fate::Acknowledged => {
                    hub.send(Incoming::Acknowledged(delivery));
                    awaited.retain(|it| *it != body);
                }
                Fate::Closed => {
                    // What is under way already came too.
                    while let Some(Some((_, body, _))) = message(&mut hub).now_or_never() {
                        bodies.push(body);
                    }
                    break;
                }
                Fate::Silence => {}
            }
            if awaited.is_empty() {
                came.push(bodies);
                return (came, hub);
            }
        }
        came.push(bodies);
    }
}

/// The next telemetry message: topic, body, and what acknowledges it. None once the device has left.
async fn message(hub: &mut ScriptedConnection) -> Option<(String, String, u64)> {
    loop {
        if let ClientPacket::Publish {
            topic,
            payload,
            delivery: Delivery::AtLeastOnce(number),
        } = hub.next().await?
        {
            return Some((topic, text(&payload), number));
        }
    }
}

#[tokio::test]
async fn a_message_on_which_the_hub_closes_is_dead_lettered_and_the_others_arrive_in_order() {
    let mut site = site(&sender(&["a", "poison", "b", "c"]));
    let fate = |_, body: &str| match body {
        "poison" => Fate::Closed,
        _ => Fate::Acknowledged,
    };
    let (came, _hub) = serve(&mut site.bench, vec!["a", "b", "c"], fate).await;
    assert_eq!(
        came,
        [
            vec!["a", "poison", "b", "c"],
            vec!["poison", "b", "c"],
            vec!["poison", "b", "c"],
            vec!["poison"],
            vec!["b", "c"],
        ]
    );
    let [(1, what, why)] = &site.dead_letters()[..] else {
        panic!("{:?}", site.dead_letters())
    };
    assert_eq!(what, "poison");
    assert!(
        why.contains("closed the connection on each attempt"),
        "{why}"
    );
}

#[tokio::test]
async fn a_link_that_breaks_on_the_next_message_too_dead_letters_nothing() {
    let mut site = site(&sender(&["a", "b", "c"]));
    let fate = |connection, _: &str| match connection {
        ..=5 => Fate::Closed,
        _ => Fate::Acknowledged,
    };
    let (came, _hub) = serve(&mut site.bench, vec!["a", "b", "c"], fate).await;
    let all = vec!["a", "b", "c"];
    let expected = [&all, &all, &all, &vec!["a"], &vec!["b"], &all];
    assert_eq!(came.iter().collect::<Vec<_>>(), expected);
    assert_eq!(site.bodies(), [""; 0]);
}

#[tokio::test]
async fn a_hub_that_falls_silent_never_makes_a_message_suspect() {
    let mut site = site(&sender(&["a", "b"]));
    let fate = |connection, _: &str| match connection {
        ..=6 => Fate::Silence,
        _ => Fate::Acknowledged,
    };
    let (came, _hub) = serve(&mut site.bench, vec!["a", "b"], fate).await;
    assert_eq!(came, vec![vec!["a", "b"]; 7]);
    assert_eq!(site.bodies(), [""; 0]);
}

#[tokio::test]
async fn what_was_poison_is_sent_again_on_request_behind_everything_else_as_the_same_message() {
    let mut site = site(&sender(&["poison", "b"]));
    let fate = |_, body: &str| match body {
        "poison" => Fate::Closed,
        _ => Fate::Acknowledged,
    };
    let (_, mut hub) = serve(&mut site.bench, vec!["b"], fate).await;
    assert_eq!(
        site.resolve(DeadLetterAction::Retry, None).await,
        done(&[1])
    );
    let (topic, body, _) = message(&mut hub).await.unwrap();
    assert_eq!(body, "poison");
    assert!(
        topic.ends_with("/$.mid=mid-poison&$.ctime=2025-12-31T23%3A59%3A59.000Z"),
        "{topic}"
    );
    assert_eq!(site.bodies(), [""; 0]);
}

/// Reports what it is called, and keeps the messages it takes: all but those that are bad.
fn listener() -> Scripted {
    Scripted::new(|event, record| match event {
        Event::Message { body, .. } if record != "mended" && body == b"bad" => {
            Err(CallFailure::Error("no".to_owned()))
        }
        Event::Message { body, .. } => Ok((Answer::None, vec![], text(&body))),
        Event::Command { name, .. } => {
            let properties = json!({ "name": name }).as_object().unwrap().clone();
            let report = Effect::Report(ReportedProperties {
                component: None,
                properties,
            });
            let (answer, _, _) = reply("", "")?;
            Ok((answer, vec![report], name))
        }
        _ => Ok((Answer::None, vec![], record.to_owned())),
    })
}

/// The next report's name; answered with this status.
async fn reported(hub: &mut ScriptedConnection, status: u16) -> String {
    loop {
        let (topic, body) = published(hub).await;
        let request = topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=");
        if let Some(request) = request {
            hub.publish(
                &format!("$iothub/twin/res/{status}/?$rid={request}&$version=2"),
                "",
            );
            let report: Value = serde_json::from_slice(&body).unwrap();
            return report["name"].as_str().unwrap().to_owned();
        }
    }
}

#[tokio::test]
async fn a_report_is_dead_lettered_as_soon_as_the_hub_refuses_it_and_not_while_it_is_throttled() {
    let mut site = site(&listener());
    let mut hub = site.bench.connected().await;
    call(&hub, "one", "1");
    for status in [429, 503] {
        assert_eq!(reported(&mut hub, status).await, "one");
        assert_eq!(site.bodies(), [""; 0]);
    }
    assert_eq!(reported(&mut hub, 400).await, "one");
    call(&hub, "two", "2");
    assert_eq!(reported(&mut hub, 204).await, "two");
    let one = r#"{"name":"one"}"#.to_owned();
    let why = "the hub rejected it with status 400".to_owned();
    assert_eq!(site.dead_letters(), [(1, one, why)]);

    assert_eq!(
        site.resolve(DeadLetterAction::Retry, Some(1)).await,
        done(&[1])
    );
    assert_eq!(reported(&mut hub, 413).await, "one");
    let unknown = site
        .resolve(DeadLetterAction::Discard, Some(1))
        .await
        .unwrap_err();
    assert!(unknown.contains("id 1"), "{unknown}");
    assert_eq!(
        site.resolve(DeadLetterAction::Discard, Some(2)).await,
        done(&[2])
    );
    assert_eq!(site.bodies(), [""; 0]);
    assert_eq!(
        site.resolve(DeadLetterAction::Discard, None).await,
        done(&[])
    );
}

fn send(hub: &ScriptedConnection, receipt: u16, body: &'static str) {
    hub.send(Incoming::Message {
        topic: "devices/d/messages/devicebound/urgent=yes".to_owned(),
        payload: body.into(),
        receipt: Some(Receipt(receipt)),
    });
}

async fn acknowledged(hub: &mut ScriptedConnection) -> u16 {
    loop {
        if let Some(ClientPacket::Acknowledge(receipt)) = hub.next().await {
            return receipt.0;
        }
    }
}

#[tokio::test]
async fn a_message_the_component_fails_on_is_dead_lettered_until_a_later_try_goes_well() {
    let mut site = site(&listener());
    let mut hub = site.bench.connected().await;
    send(&hub, 1, "bad");
    send(&hub, 2, "good");
    assert_eq!(acknowledged(&mut hub).await, 1);
    let [(1, what, why)] = &site.dead_letters()[..] else {
        panic!("{:?}", site.dead_letters())
    };
    assert_eq!(what, "bad");
    assert!(
        why.starts_with("the component failed on each attempt"),
        "{why}"
    );
    assert_eq!(acknowledged(&mut hub).await, 2);

    // It fails once more, and stays; what comes after it does not wait.
    let before = site.bench.clock.monotonic();
    assert_eq!(
        site.resolve(DeadLetterAction::Retry, Some(1)).await,
        done(&[1])
    );
    send(&hub, 3, "good");
    assert_eq!(acknowledged(&mut hub).await, 3);
    assert_eq!(site.bench.clock.monotonic(), before);
    assert_eq!(site.bodies(), ["bad"]);

    call(&hub, "mended", "1");
    assert_eq!(reported(&mut hub, 204).await, "mended");
    assert_eq!(
        site.resolve(DeadLetterAction::Retry, None).await,
        done(&[1])
    );
    send(&hub, 4, "good");
    assert_eq!(acknowledged(&mut hub).await, 4);
    assert_eq!(site.bodies(), [""; 0]);
}

#[tokio::test]
async fn a_message_that_is_tried_again_is_not_forgotten_with_the_connection() {
    let gate = Gate::closed();
    let mut site = site(&listener().held_by(&gate));
    let mut hub = site.bench.connected().await;
    send(&hub, 1, "bad");
    gate.open.add_permits(5);
    assert_eq!(acknowledged(&mut hub).await, 1);

    call(&hub, "mended", "1");
    gate.came.acquire_many(6).await.unwrap().forget();
    // The command is in hand; the message waits behind it when the connection ends.
    assert_eq!(
        site.resolve(DeadLetterAction::Retry, Some(1)).await,
        done(&[1])
    );
    assert_eq!(
        site.resolve(DeadLetterAction::Retry, Some(1)).await,
        done(&[1])
    );
    drop(hub);
    gate.open.add_permits(3);
    let mut hub = site.bench.connected().await;
    assert_eq!(reported(&mut hub, 204).await, "mended");
    send(&hub, 2, "good");
    assert_eq!(acknowledged(&mut hub).await, 2);
    assert_eq!(site.bodies(), [""; 0]);
}

#[tokio::test]
async fn a_message_for_a_component_that_takes_none_stays_a_dead_letter() {
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), HOUR);
    let letters = |body: &'static str| DeadLetter {
        since: clock.now(),
        reason: "it failed".to_owned(),
        outgoing: None,
        item: Undelivered::Message(CloudMessage {
            properties: vec![],
            body: body.into(),
        }),
    };
    let kept = PersistedState {
        dead_letters: vec![(3, letters("x"))],
        dead_letter_counts: DeadLetterCounts {
            total: 3,
            evicted: 0,
        },
        ..PersistedState::default()
    };
    let site = site_with(&listener().without_messages(), kept);
    let refused = site
        .resolve(DeadLetterAction::Retry, Some(3))
        .await
        .unwrap_err();
    assert!(refused.contains("does not accept messages"), "{refused}");
    let left = DeadLetterResult {
        done: vec![],
        skipped: vec![3],
    };
    assert_eq!(site.resolve(DeadLetterAction::Retry, None).await, Ok(left));
    assert_eq!(
        site.resolve(DeadLetterAction::Discard, None).await,
        done(&[3])
    );
    assert_eq!(site.resolve(DeadLetterAction::Retry, None).await, done(&[]));
}
