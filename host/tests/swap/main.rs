//! One version in the place of another, on a scripted transport and a virtual clock: each step of a swap, and what it does
//! to record, timers, commands and the connection.

mod back;
mod probation;
#[path = "../scripted/mod.rs"]
mod scripted;
mod take_over;

use std::{path::PathBuf, sync::Arc, time::Duration};

use host::{
    clock::VirtualClock,
    device::behaviour::Failure,
    mqtt::{
        Incoming, Receipt,
        scripted::{Connection, Sent},
    },
    status::Status,
    store::{Backend, DeviceStore, Kept, Memory, Retention},
    swap::{self, About, Ask, Entry, Fallback, Order, Probation, Running, Source, Step, Versions},
};
use scripted::{
    Bench, HOUR, Scripted, call, command_name, put_together, reply, with_connection_string,
};
use serde_json::{Value, json};
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
    let (orders, versions) = orders();
    connected(begin(behaviour, versions, kept), orders).await
}

/// A site where a version is on probation under these rules.
async fn site_under(rules: Probation, behaviour: &Scripted) -> Site {
    let (orders, versions) = orders();
    let versions = swap::Parts {
        probation: rules,
        ..versions
    };
    connected(begin(behaviour, versions, Kept::default()), orders).await
}

async fn site_on(behaviour: &Scripted, backend: Box<dyn Backend>) -> Site {
    let (orders, versions) = orders();
    let bench = begin_on(behaviour, versions, Kept::default(), backend);
    connected(bench, orders).await
}

fn orders() -> (mpsc::Sender<Order<Scripted>>, swap::Parts<Scripted>) {
    let (orders, to_device) = mpsc::channel(16);
    let versions = swap::Parts {
        orders: Some(to_device),
        probation: RULES,
        ..swap::Parts::default()
    };
    (orders, versions)
}

fn begin(behaviour: &Scripted, versions: swap::Parts<Scripted>, kept: Kept) -> Bench {
    begin_on(behaviour, versions, kept, Box::new(Memory::default()))
}

fn begin_on(
    behaviour: &Scripted,
    versions: swap::Parts<Scripted>,
    kept: Kept,
    backend: Box<dyn Backend>,
) -> Bench {
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), 24 * HOUR);
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

async fn status(orders: &mpsc::Sender<Order<Scripted>>) -> Status {
    let (to, status) = oneshot::channel();
    let order = Order::Report(to);
    orders.send(order).await.expect("the device runs");
    *status.await.expect("the device runs")
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

    /// This version is loaded, should the device turn back to it.
    async fn loaded(&self, version: &Scripted) {
        let order = Order::Earlier(version.clone());
        self.orders.send(order).await.expect("the device runs");
    }

    /// Begins with `b` on probation until it is accepted, in the place of what runs.
    async fn accepts(&mut self, b: &Scripted) {
        let mut steps = self.swap(b).await;
        until(&mut steps, Step::Begun).await;
        for name in ["one", "two"] {
            assert_eq!(self.call(name).await.0, "200");
        }
        until(&mut steps, Step::Accepted).await;
    }

    /// Delivers a cloud-to-device message with this number.
    fn deliver(&self, number: u16, body: &'static str) {
        self.hub.send(Incoming::Message {
            topic: "devices/d/messages/devicebound/$.mid=x".to_owned(),
            payload: body.into(),
            receipt: Some(Receipt(number)),
        });
    }

    /// Changes desired properties.
    fn desire(&self, version: u64, properties: &Value) {
        let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
        self.hub.publish(&topic, properties.to_string());
    }

    /// The next thing the device sends that `test` makes something of; the twin it asks for meanwhile has these desired
    /// properties.
    async fn sent<T>(&mut self, desired: &Value, test: impl Fn(&Sent) -> Option<T>) -> T {
        loop {
            let sent = self.hub.next().await.expect("the connection stands");
            let found = test(&sent);
            if let Sent::Publish {
                topic, delivery, ..
            } = sent
            {
                self.settle_with(&topic, delivery, desired);
            }
            if let Some(found) = found {
                return found;
            }
        }
    }

    async fn status(&self) -> Status {
        status(&self.orders).await
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
        self.settle_with(topic, delivery, &json!({ "$version": 1 }));
    }

    fn settle_with(&self, topic: &str, delivery: host::mqtt::Delivery, desired: &Value) {
        if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
            let twin = json!({ "desired": desired, "reported": {} }).to_string();
            self.hub
                .publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
        } else if let Some(request) =
            topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=")
        {
            let topic = format!("$iothub/twin/res/204/?$rid={request}&$version=2");
            self.hub.publish(&topic, "");
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

/// What an accepted version, and the one before it, leave behind.
fn versions(running: &str, fallback: Option<(&str, &str)>, previous: Option<&str>) -> Versions {
    let version = |sha256: &str| Running {
        about: About {
            name: "scripted".into(),
            version: "1".into(),
            model_id: "dtmi:example:Scripted;1".into(),
            sha256: sha256.into(),
        },
        since: jiff::Timestamp::UNIX_EPOCH,
    };
    Versions {
        running: Some(version(running)),
        fallback: fallback.map(|(sha256, record)| Fallback {
            version: version(sha256),
            record: Some(record.to_owned()),
            timers: vec![],
            ended: 0,
            clean: false,
        }),
        previous: previous.map(version),
        ..Versions::default()
    }
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
