//! One version in the place of another, on a scripted transport and a virtual clock: each step of a swap, and what it does
//! to record, timers, commands and the connection.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod scripted;

use std::{path::PathBuf, sync::Arc, time::Duration};

use host::{
    clock::{Clock, VirtualClock},
    device::{
        DeviceError,
        behaviour::{Answer, Event, Failure, Reason},
        effect::{Effect, Schedule},
    },
    mqtt::{
        Incoming,
        scripted::{Connection, Sent},
    },
    status::{State, Status},
    store::{DeviceStore, Kept, Memory, Retention},
    swap::{self, Ask, Entry, Order, Probation, Source, Step},
};
use scripted::{
    Bench, Gate, HOUR, Scripted, call, command_name, put_together, reply, with_connection_string,
};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

/// A device that can be told to swap.
struct Site {
    bench: Bench,
    hub: Connection,
    orders: mpsc::Sender<Order<Scripted>>,
}

/// Steps of one wish.
type Steps = mpsc::UnboundedReceiver<Entry>;

const RULES: Probation = Probation {
    time: Duration::from_secs(30),
    events: 2,
};

async fn site(behaviour: &Scripted) -> Site {
    site_with(behaviour, Kept::default()).await
}

async fn site_with(behaviour: &Scripted, kept: Kept) -> Site {
    let (orders, to_device) = mpsc::channel(16);
    let versions = swap::Parts {
        orders: Some(to_device),
        probation: RULES,
        ..swap::Parts::default()
    };
    let bench = begin(behaviour, versions, kept);
    connected(bench, orders).await
}

fn begin(behaviour: &Scripted, versions: swap::Parts<Scripted>, kept: Kept) -> Bench {
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), 24 * HOUR);
    let backend = Box::new(Memory::default());
    let store = DeviceStore::new(backend, kept, Retention::default(), &clock);
    let identity = with_connection_string();
    let on = Arc::new(clock.clone());
    let (device, server) = put_together(identity, behaviour, versions, store, on);
    let device = tokio::spawn(device.run(clock.stopped()));
    Bench {
        clock,
        server,
        device,
    }
}

async fn connected(mut bench: Bench, orders: mpsc::Sender<Order<Scripted>>) -> Site {
    let hub = bench.connected().await;
    Site { bench, hub, orders }
}

fn ask() -> Ask {
    Ask {
        source: Source::Command,
        file: PathBuf::from("new.wasm"),
        force: false,
        fresh_state: false,
        allow_model_change: false,
        asker: None,
    }
}

async fn next(steps: &mut Steps) -> Entry {
    steps.recv().await.expect("a step")
}

/// The steps up to and with this one.
async fn until(steps: &mut Steps, step: Step) -> Vec<Step> {
    let mut seen = vec![];
    loop {
        seen.push(next(steps).await.step);
        if seen.last() == Some(&step) {
            return seen;
        }
    }
}

impl Site {
    async fn swap(&self, to: &Scripted) -> Steps {
        self.swap_as(to, ask()).await
    }

    async fn swap_as(&self, to: &Scripted, ask: Ask) -> Steps {
        let (asker, steps) = mpsc::unbounded_channel();
        let ask = Ask {
            asker: Some(asker),
            ..ask
        };
        let order = Order::Swap(to.clone(), ask);
        self.orders.send(order).await.expect("the device runs");
        steps
    }

    async fn roll_back(&self) -> Steps {
        let (asker, steps) = mpsc::unbounded_channel();
        self.orders
            .send(Order::RollBack(asker))
            .await
            .expect("the device runs");
        steps
    }

    async fn status(&self) -> Status {
        let (to, status) = oneshot::channel();
        self.orders
            .send(Order::Report(to))
            .await
            .expect("the device runs");
        *status.await.expect("the device runs")
    }

    async fn runs(&self) -> String {
        self.status().await.running.expect("a version").about.sha256
    }

    /// Calls a command, and returns status and body of the answer. What else the device sends is acknowledged.
    async fn call(&mut self, name: &str) -> (String, String) {
        call(&self.hub, name, "1");
        self.answer().await
    }

    /// The next answer to a command.
    async fn answer(&mut self) -> (String, String) {
        loop {
            let Some(Sent::Publish {
                topic,
                payload,
                delivery,
            }) = self.hub.next().await
            else {
                panic!("no answer");
            };
            if let Some(answer) = topic.strip_prefix("$iothub/methods/res/") {
                let status = answer.split('/').next().unwrap().to_owned();
                return (status, String::from_utf8(payload.to_vec()).unwrap());
            }
            self.settle(&topic, delivery);
        }
    }

    fn settle(&self, topic: &str, delivery: host::mqtt::Delivery) {
        if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
            let twin = json!({"desired": {"$version": 1}, "reported": {}}).to_string();
            self.hub
                .publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
        } else if let host::mqtt::Delivery::AtLeastOnce(number) = delivery {
            self.hub.send(Incoming::Acknowledged(number));
        }
    }
}

/// Appends the names of its commands to its record, and answers with it.
fn recorder() -> Scripted {
    Scripted::new(|event, record| {
        let record = format!("{record}+{}", command_name(&event));
        reply(&record, &record)
    })
}

/// The same, but a command `trap` or `err` fails.
fn failing() -> Scripted {
    Scripted::new(|event, record| match command_name(&event) {
        "trap" => Err(Failure::Trap("it is broken".to_owned())),
        "err" => Err(Failure::Error("it will not".to_owned())),
        name => {
            let record = format!("{record}+{name}");
            reply(&record, &record)
        }
    })
}

fn ok(text: &str) -> (String, String) {
    ("200".to_owned(), json!(text).to_string())
}

#[tokio::test]
async fn a_new_version_takes_over_with_the_record_and_is_accepted_after_its_probation() {
    let a = recorder();
    let mut site = site(&a).await;
    assert_eq!(site.call("one").await, ok("begun+one"));

    let b = recorder().version("b");
    let mut steps = site.swap(&b).await;
    assert_eq!(
        until(&mut steps, Step::Begun).await,
        [Step::Prepared, Step::Begun]
    );
    assert_eq!(b.reasons(), [Reason::Swap]);
    assert_eq!(site.call("two").await, ok("begun+one+two"));
    let status = site.status().await;
    assert!(matches!(
        status.state,
        State::Probation { events_left: 1, .. }
    ));
    assert_eq!(status.fallback.unwrap().about.sha256, "a");

    assert_eq!(site.call("three").await, ok("begun+one+two+three"));
    let accepted = next(&mut steps).await;
    assert_eq!(accepted.step, Step::Accepted);
    assert_eq!(accepted.version.unwrap().sha256, "b");
    let status = site.status().await;
    assert_eq!(status.state, State::Accepted);
    assert_eq!(status.previous.unwrap().about.sha256, "a");
    assert_eq!(status.steps["begun"], 1);
    assert_eq!(status.steps["accepted"], 1);
    assert!(site.bench.clock.monotonic() >= RULES.time);
}

#[tokio::test]
async fn a_trap_on_probation_brings_the_version_before_back_and_it_answers_the_command() {
    let a = recorder();
    let mut site = site(&a).await;
    site.call("one").await;
    let b = failing().version("b");
    let mut steps = site.swap(&b).await;
    until(&mut steps, Step::Begun).await;
    assert_eq!(site.call("two").await, ok("begun+one+two"));

    // What the new version has recorded is undone, and the old one's answer is the answer.
    assert_eq!(site.call("trap").await, ok("begun+one+trap"));
    let back = next(&mut steps).await;
    assert_eq!(back.step, Step::RolledBack);
    assert_eq!(back.version.unwrap().sha256, "b");
    assert_eq!(back.instead.unwrap().sha256, "a");
    assert_eq!(back.undone, Some(2));
    assert!(back.reason.unwrap().contains("it is broken"));
    assert_eq!(a.reasons(), [Reason::Fresh, Reason::Recovered]);

    let status = site.status().await;
    assert_eq!(status.running.unwrap().about.sha256, "a");
    assert_eq!(status.state, State::Accepted);
    assert_eq!(status.quarantined[0].sha256, "b");
    assert_eq!(status.last_swap.unwrap().step, Step::RolledBack);
}

#[tokio::test]
async fn errors_are_answered_with_500_until_the_third_in_a_row() {
    let mut site = site(&recorder()).await;
    let mut steps = site.swap(&failing().version("b")).await;
    until(&mut steps, Step::Begun).await;
    for name in ["err", "err", "fine", "err", "err"] {
        let status = site.call(name).await.0;
        assert_eq!(status, if name == "fine" { "200" } else { "500" });
    }
    assert_eq!(site.call("err").await, ok("begun+err"));
    assert_eq!(next(&mut steps).await.step, Step::RolledBack);
}

#[tokio::test]
async fn a_withdrawn_version_is_refused_until_it_is_forced() {
    let mut site = site(&recorder()).await;
    let b = failing().version("b");
    until(&mut site.swap(&b).await, Step::Begun).await;
    site.call("trap").await;

    let mut steps = site.swap(&b).await;
    assert_eq!(next(&mut steps).await.step, Step::Prepared);
    let refused = next(&mut steps).await;
    assert_eq!(refused.step, Step::Refused);
    let reason = refused.reason.unwrap();
    assert!(
        reason.contains("it is broken") && reason.contains("--force"),
        "{reason}"
    );

    let forced = Ask {
        force: true,
        ..ask()
    };
    until(&mut site.swap_as(&b, forced).await, Step::Begun).await;
    assert!(site.status().await.quarantined.is_empty());
}

#[tokio::test]
async fn a_version_that_does_not_begin_changes_nothing() {
    for failure in [
        Failure::Error("schema 2".to_owned()),
        Failure::Trap("it spun".to_owned()),
    ] {
        let a = recorder();
        let mut site = site(&a).await;
        site.call("one").await;
        let (why, is_error) = (failure.clone(), matches!(failure, Failure::Error(_)));
        let b = recorder().version("b").beginning(move |_| Err(why.clone()));
        let mut steps = site.swap(&b).await;
        assert_eq!(
            until(&mut steps, Step::Refused).await,
            [Step::Prepared, Step::Refused]
        );
        let status = site.status().await;
        let reason = status.last_swap.unwrap().reason.unwrap();
        assert!(reason.contains(&failure.reason()), "{reason}");
        assert_eq!(reason.contains("--fresh-state"), is_error, "{reason}");
        assert!(status.quarantined.is_empty());
        assert_eq!(site.call("two").await, ok("begun+one+two"));
        assert_eq!(a.reasons(), [Reason::Fresh], "the instance is the same");
    }
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
    let anew = Ask {
        fresh_state: true,
        ..ask()
    };
    until(&mut site.swap_as(&b, anew).await, Step::Begun).await;
    let begun = b.starts.lock().unwrap()[0].clone();
    assert_eq!((begun.reason, begun.record), (Reason::Fresh, None));
    assert_eq!(site.call("one").await, ok("begun+one"));
    assert_eq!(site.call("trap").await, ok("of a"));
}

#[tokio::test]
async fn what_runs_already_is_not_swapped() {
    let a = recorder();
    let mut site = site(&a).await;
    let mut steps = site.swap(&recorder()).await;
    assert_eq!(
        until(&mut steps, Step::Same).await,
        [Step::Prepared, Step::Same]
    );
    site.call("one").await;
    assert_eq!(a.reasons(), [Reason::Fresh]);
    assert_eq!(site.status().await.last_swap, None, "it is no history");
}

#[tokio::test]
async fn another_model_is_refused_unless_it_is_allowed_and_then_announced_anew() {
    let a = recorder();
    let mut site = site(&a).await;
    let b = recorder().version("b").model("dtmi:example:Other;1");
    let mut steps = site.swap(&b).await;
    until(&mut steps, Step::Refused).await;
    let reason = site.status().await.last_swap.unwrap().reason.unwrap();
    assert!(reason.contains("dtmi:example:Other;1") && reason.contains("--allow-model-change"));

    let allowed = Ask {
        allow_model_change: true,
        ..ask()
    };
    let mut steps = site.swap_as(&b, allowed).await;
    until(&mut steps, Step::Begun).await;
    let attempt = site.bench.server.next().await.expect("a new connection");
    let username = attempt.connect.username.clone();
    assert!(
        username.contains("dtmi%3Aexample%3AOther%3B1"),
        "{username}"
    );
}

#[tokio::test]
async fn a_model_that_changes_while_the_device_connects_is_the_one_it_connects_with() {
    let (orders, to_device) = mpsc::channel(16);
    let versions = swap::Parts {
        orders: Some(to_device),
        ..swap::Parts::default()
    };
    let mut bench = begin(&recorder(), versions, Kept::default());
    let attempt = bench.server.next().await.expect("a connection");
    let (asker, mut steps) = mpsc::unbounded_channel();
    let ask = Ask {
        allow_model_change: true,
        asker: Some(asker),
        ..ask()
    };
    let b = recorder().version("b").model("dtmi:example:Other;1");
    orders.send(Order::Swap(b, ask)).await.unwrap();
    until(&mut steps, Step::Begun).await;
    let old = attempt.accept();
    let attempt = bench.server.next().await.expect("a new connection");
    assert!(attempt.connect.username.contains("Other"));
    drop(old);
}

#[tokio::test]
async fn a_version_that_takes_messages_connects_anew_and_one_that_does_not_keeps_the_connection() {
    let mut site = site(&recorder()).await;
    let b = recorder().version("b").without_messages();
    until(&mut site.swap(&b).await, Step::Begun).await;
    assert_eq!(site.call("one").await.0, "200", "on the same connection");
    until(&mut site.swap(&recorder().version("c")).await, Step::Begun).await;
    let mut hub = site
        .bench
        .server
        .next()
        .await
        .expect("a new connection")
        .accept();
    let subscribed = hub.next().await;
    assert!(matches!(&subscribed, Some(Sent::Subscribe(topics)) if topics.len() == 4));
}

#[tokio::test]
async fn a_version_that_waits_for_a_call_gives_way_to_a_newer_one_and_the_call_is_answered() {
    let gate = Gate::closed();
    let a = recorder().held_by(&gate);
    let mut site = site(&a).await;
    call(&site.hub, "long", "1");
    gate.came.acquire().await.unwrap().forget();
    let mut first = site.swap(&recorder().version("b")).await;
    assert_eq!(next(&mut first).await.step, Step::Prepared);
    let mut second = site.swap(&recorder().version("c")).await;
    assert_eq!(until(&mut first, Step::Replaced).await, [Step::Replaced]);
    assert_eq!(next(&mut second).await.step, Step::Prepared);
    gate.open.add_permits(1);
    assert_eq!(next(&mut second).await.step, Step::Begun);
    let answer = site.answer().await;
    assert_eq!(answer, ok("begun+long"), "the version that had it answers");
    assert_eq!(site.call("two").await, ok("begun+long+two"));
    assert_eq!(site.runs().await, "c");
}

#[tokio::test]
async fn a_newer_version_replaces_one_on_probation_and_both_fall_with_it() {
    let a = recorder();
    let mut site = site(&a).await;
    site.call("one").await;
    let mut first = site.swap(&recorder().version("b")).await;
    until(&mut first, Step::Begun).await;
    site.call("two").await;
    let c = failing().version("c");
    let mut second = site.swap(&c).await;
    until(&mut second, Step::Begun).await;
    assert_eq!(next(&mut first).await.step, Step::Replaced);
    let begun = c.starts.lock().unwrap()[0].clone();
    assert_eq!(begun.record.as_deref(), Some("begun+one+two"));

    assert_eq!(site.call("trap").await, ok("begun+one+trap"));
    let back = next(&mut second).await;
    assert_eq!((back.step, back.undone), (Step::RolledBack, Some(3)));
    assert_eq!(site.runs().await, "a");
}

#[tokio::test]
async fn a_roll_back_on_request_goes_one_version_back() {
    let mut site = site(&recorder()).await;
    let refused = next(&mut site.roll_back().await).await;
    assert_eq!(refused.step, Step::Refused);
    assert!(refused.reason.unwrap().contains("no earlier version"));

    // On probation, the state before the swap is back.
    let mut steps = site.swap(&recorder().version("b")).await;
    until(&mut steps, Step::Begun).await;
    site.call("one").await;
    let back = next(&mut site.roll_back().await).await;
    assert_eq!(
        (back.step, back.source),
        (Step::RolledBack, Source::Command)
    );
    assert_eq!(next(&mut steps).await.step, Step::RolledBack);
    assert_eq!(site.call("two").await, ok("begun+two"));

    // Once it is accepted, the state goes on.
    let mut steps = site.swap(&recorder().version("c")).await;
    until(&mut steps, Step::Begun).await;
    site.call("three").await;
    site.call("four").await;
    until(&mut steps, Step::Accepted).await;
    let back = next(&mut site.roll_back().await).await;
    assert_eq!((back.step, back.undone), (Step::RolledBack, None));
    assert_eq!(site.call("five").await, ok("begun+two+three+four+five"));
    assert_eq!(site.runs().await, "a");
}

#[tokio::test]
async fn an_earlier_version_that_cannot_take_the_state_over_leaves_the_accepted_one_running() {
    let a = recorder().beginning(|start| match &start.record {
        Some(record) if record.contains("new") => Err(Failure::Error("what is new?".into())),
        record => Ok((vec![], record.clone().unwrap_or("begun".into()))),
    });
    let mut site = site(&a).await;
    let mut steps = site.swap(&recorder().version("b")).await;
    until(&mut steps, Step::Begun).await;
    site.call("new").await;
    site.call("two").await;
    until(&mut steps, Step::Accepted).await;
    let refused = next(&mut site.roll_back().await).await;
    assert_eq!(refused.step, Step::Refused);
    assert!(refused.reason.unwrap().contains("what is new?"));
    assert_eq!(site.call("three").await, ok("begun+new+two+three"));
    assert_eq!(site.runs().await, "b");
}

#[tokio::test]
async fn an_accepted_version_that_traps_too_often_gives_way_and_keeps_its_state() {
    let mut site = site(&recorder()).await;
    let mut steps = site.swap(&failing().version("b")).await;
    until(&mut steps, Step::Begun).await;
    site.call("one").await;
    site.call("two").await;
    until(&mut steps, Step::Accepted).await;
    for _ in 0..4 {
        assert_eq!(site.call("trap").await.0, "500");
    }
    let failures = site.status().await.steps["failed"];
    assert_eq!(failures, 4);
    assert_eq!(site.call("trap").await, ok("begun+one+two+trap"));
    let status = site.status().await;
    assert_eq!(status.running.unwrap().about.sha256, "a");
    assert_eq!(status.quarantined[0].sha256, "b");
    let back = status.last_swap.unwrap();
    assert_eq!((back.step, back.source), (Step::RolledBack, Source::Host));
}

#[tokio::test]
async fn timers_survive_a_swap_and_are_as_they_were_after_a_roll_back() {
    let tick = |name: &'static str| {
        Scripted::new(move |event, record| match event {
            Event::Timer(timer) => Ok((Answer::None, vec![], format!("{record} {name}:{timer}"))),
            Event::Command { ref name, .. } if name == "cancel" => Ok((
                Answer::Reply(host::device::behaviour::Reply {
                    status: 200,
                    payload: "null".into(),
                }),
                vec![Effect::CancelTimer("t".into())],
                record.to_owned(),
            )),
            Event::Command { ref name, .. } if name == "trap" => {
                Err(Failure::Trap("no".to_owned()))
            }
            _ => reply(record, record),
        })
    };
    let a = tick("a").beginning(|start| {
        let timer = Effect::SetTimer("t".into(), Schedule::Every(Duration::from_secs(600)));
        let effects = if start.record.is_none() {
            vec![timer]
        } else {
            vec![]
        };
        Ok((effects, start.record.clone().unwrap_or("begun".into())))
    });
    let mut site = site(&a).await;
    let mut steps = site.swap(&tick("b").version("b")).await;
    until(&mut steps, Step::Begun).await;
    // The timer set by the version before is the one after it's.
    site.bench.clock.sleep_until(Duration::from_secs(601)).await;
    assert_eq!(site.call("look").await, ok("begun b:t"));
    assert_eq!(site.call("cancel").await.0, "200");
    until(&mut steps, Step::Accepted).await;
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
    until(&mut steps, Step::Begun).await;
    call(&site.hub, "one", "1");
    let mut held = None;
    let mut answers = 0;
    while answers == 0 || held.is_none() {
        match site.hub.next().await.unwrap() {
            Sent::Publish {
                topic,
                delivery: host::mqtt::Delivery::AtLeastOnce(number),
                ..
            } if topic.contains("/messages/events/") => held = Some(number),
            Sent::Publish { topic, .. } if topic.starts_with("$iothub/methods/res") => answers += 1,
            _ => {}
        }
    }
    site.call("two").await;
    site.bench.clock.sleep_until(Duration::from_secs(40)).await;
    assert!(matches!(
        site.status().await.state,
        State::Probation { events_left: 0, .. }
    ));
    site.hub.send(Incoming::Acknowledged(held.unwrap()));
    assert_eq!(next(&mut steps).await.step, Step::Accepted);
}

#[tokio::test]
async fn the_first_version_that_does_not_begin_ends_the_device_and_a_later_one_does_not() {
    let broken = || recorder().beginning(|_| Err(Failure::Error("a wrong setting".into())));
    let bench = begin(&broken(), swap::Parts::default(), Kept::default());
    let ended = bench.device.await.unwrap();
    assert!(matches!(ended, Err(DeviceError::Component(_))));

    let kept = Kept {
        record: Some("kept".to_owned()),
        ..Kept::default()
    };
    let mut site = site_with(&broken(), kept).await;
    let (status, body) = site.call("one").await;
    assert_eq!(status, "503");
    assert!(body.contains("a wrong setting"), "{body}");
    assert!(matches!(site.status().await.state, State::LeftAlone { .. }));
    let b = recorder().version("b");
    until(&mut site.swap(&b).await, Step::Begun).await;
    assert_eq!(site.call("one").await, ok("kept+one"));
}
