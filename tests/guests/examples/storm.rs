//! Keeps books on itself, so that a test can check what a device has been through. Proves that kills, swaps and rollbacks
//! lose nothing: telemetry `{"sequence": n, "run": id}` with every timer event, n counted in the record from 1 on.
//!
//! A run is the time from one swap to the next, and has a random id. The record holds the first number of each run that led
//! to it, and the numbers of the cloud-to-device messages handled (bodies are numbers), as ranges:
//! `{"schema": 1, "count": 7, "runs": [[id, first]], "messages": [[first, last]], "calls": 3}`.
//!
//! Setting `interval` (`20ms`). Command `state` answers the record, `parse` traps unless its payload is a number, `error`
//! returns an error, and `spin` computes for ever. Desired properties are accepted.
//!
//! A flaw is written into the component by a test, over [`FLAW`]: a name, and for some the number of the call in the run
//! that shows it.
//!
//! | flaw | what the component does |
//! |---|---|
//! | `none` | nothing wrong |
//! | `init-error`, `init-trap` | fails at the start |
//! | `error` | returns an error from each call |
//! | `leak` | keeps 8 MiB more in each call |
//! | `trap:N` | traps in call N |
//! | `spin:N` | computes for ever in call N |
//! | `flood:N` | sends 200 numbers a timer event, and traps in call N |
//! | `forget:N` | does not count messages, and traps in call N |
//! | `misapply:N` | refuses desired properties, and traps in call N |
#![cfg(target_family = "wasm")]

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract"
)]
mod bindings {
    wit_bindgen::generate!({ world: "messaging-device", path: "../../wit" });
    use super::Component;
    export!(Component);
}

use std::{cell::RefCell, hint::black_box};

use bindings::{
    exports::pnp::device::{
        behaviour::{Acknowledgment, Command, Description, Desired, Guest, Reason, Reply, Start},
        messages::{self, Message},
    },
    pnp::device::{hub, random, timers},
};
use serde_json::{Map, Value, json};

/// The place of the flaw in the bytes of the component: after the `=`, filled with `-`.
static FLAW: [u8; 32] = *b"storm-flaw=none-----------------";

struct Component;

#[derive(Default)]
struct Books {
    count: u64,
    /// Id and first number of each run.
    runs: Vec<(u32, u64)>,
    /// Numbers of messages handled, first and last of each range, sorted.
    messages: Vec<(u64, u64)>,
    /// Calls in this run.
    calls: u64,
    hoard: Vec<Vec<u8>>,
}

thread_local! {
    static BOOKS: RefCell<Books> = RefCell::default();
}

/// Returns name and number of the flaw.
fn flaw() -> (&'static str, u64) {
    let marker = str::from_utf8(black_box(&FLAW)).unwrap_or_default();
    let flaw = marker.split_once('=').map_or("", |(_, flaw)| flaw);
    let flaw = flaw.trim_end_matches('-');
    let (name, number) = flaw.split_once(':').unwrap_or((flaw, "0"));
    (name, number.parse().unwrap_or(0))
}

fn pairs(record: &Value, name: &str) -> Vec<(u64, u64)> {
    let pairs = record.get(name).and_then(Value::as_array);
    let pair = |pair: &Value| Some((pair.get(0)?.as_u64()?, pair.get(1)?.as_u64()?));
    pairs.into_iter().flatten().filter_map(pair).collect()
}

fn spin() {
    while black_box(true) {
        std::hint::spin_loop();
    }
}

impl Books {
    fn of(record: &str) -> Result<Self, String> {
        let record: Value = serde_json::from_str(record).map_err(|error| error.to_string())?;
        let number = |name| record.get(name).and_then(Value::as_u64).unwrap_or(0);
        let run = |(id, first)| Some((u32::try_from(id).ok()?, first));
        Ok(Self {
            count: number("count"),
            runs: pairs(&record, "runs").into_iter().filter_map(run).collect(),
            messages: pairs(&record, "messages"),
            calls: number("calls"),
            hoard: Vec::new(),
        })
    }

    fn record(&self) -> String {
        let Self {
            count,
            runs,
            messages,
            calls,
            ..
        } = self;
        json!({ "schema": 1, "count": count, "runs": runs, "messages": messages, "calls": calls })
            .to_string()
    }

    fn begin_run(&mut self) {
        let id = random::bytes(4);
        let id = id.into_iter().fold(0, |id, byte| id << 8 | u32::from(byte));
        self.runs.push((id, self.count + 1));
        self.calls = 0;
    }

    /// Counts the call, and shows the flaw.
    fn call(&mut self) -> Result<(), String> {
        self.calls += 1;
        let (name, number) = flaw();
        match name {
            "error" => return Err("a flaw".to_owned()),
            "leak" => self.hoard.push(vec![1; 8 << 20]),
            "spin" if self.calls >= number => spin(),
            "trap" | "flood" | "forget" | "misapply" if self.calls >= number => {
                std::process::abort()
            }
            _ => {}
        }
        Ok(())
    }

    /// Sends the next number. One that the host rejects is not counted.
    fn send(&mut self) {
        let run = self.runs.last().map(|(id, _)| id);
        let telemetry = hub::Telemetry {
            component: None,
            body: hub::Body::Text(json!({ "sequence": self.count + 1, "run": run }).to_string()),
            content_type: "application/json".to_owned(),
            content_encoding: "utf-8".to_owned(),
            properties: Vec::new(),
        };
        self.count += u64::from(hub::send_telemetry(&telemetry).is_ok());
    }

    fn enter_message(&mut self, number: u64) {
        self.messages.push((number, number));
        self.messages.sort_unstable();
        self.messages.dedup_by(|next, range| {
            let joins = next.0 <= range.1 + 1;
            if joins {
                range.1 = range.1.max(next.1);
            }
            joins
        });
    }
}

fn with<T>(call: impl FnOnce(&mut Books) -> Result<T, String>) -> Result<T, String> {
    BOOKS.with_borrow_mut(|books| {
        books.call()?;
        call(books)
    })
}

fn interval(start: &Start) -> Result<u32, String> {
    let setting = start.config.iter().rev().find(|(key, _)| key == "interval");
    let value = setting.map_or("20ms", |(_, value)| value);
    let millis = value
        .strip_suffix("ms")
        .and_then(|value| value.parse().ok());
    millis.ok_or_else(|| format!("invalid interval {value:?}: expected an integer with ms"))
}

impl Guest for Component {
    fn describe() -> Result<Description, String> {
        Ok(Description {
            name: "storm".to_owned(),
            version: flaw().0.to_owned(),
            model_id: "dtmi:com:example:Thermostat;1".to_owned(),
        })
    }

    fn init(start: Start) -> Result<(), String> {
        match flaw().0 {
            "init-error" => return Err("a flaw".to_owned()),
            "init-trap" => std::process::abort(),
            _ => {}
        }
        let mut books = match &start.last_record {
            Some(record) => Books::of(record)?,
            None => Books::default(),
        };
        if matches!(start.reason, Reason::Fresh | Reason::Swap) {
            books.begin_run();
        }
        BOOKS.set(books);
        timers::set("tick", timers::Schedule::Every(interval(&start)?))
            .map_err(|error| error.to_string())
    }

    fn on_timer(_name: String) -> Result<(), String> {
        with(|books| {
            let count = if flaw().0 == "flood" { 200 } else { 1 };
            (0..count).for_each(|_| books.send());
            Ok(())
        })
    }

    fn on_desired(desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        let properties: Map<String, Value> =
            serde_json::from_str(&desired.properties).map_err(|error| error.to_string())?;
        let (value, status) = match flaw().0 {
            "misapply" => (Some(Value::Null), 400),
            _ => (None, 200),
        };
        let acknowledgment = |(property, desired): (String, Value)| Acknowledgment {
            property,
            value: value.as_ref().unwrap_or(&desired).to_string(),
            status,
            description: String::new(),
        };
        with(|_| Ok(properties.into_iter().map(acknowledgment).collect()))
    }

    fn on_command(command: Command) -> Result<Reply, String> {
        let answer = |books: &mut Books| match command.name.as_str() {
            "state" => Ok(Some(books.record())),
            "parse" => match command.payload.as_deref().map(str::parse::<f64>) {
                Some(Ok(number)) => Ok(Some(number.to_string())),
                _ => std::process::abort(),
            },
            "error" => Err("asked to fail".to_owned()),
            "spin" => {
                spin();
                Ok(None)
            }
            _ => Ok(None),
        };
        let payload = with(answer)?;
        Ok(Reply {
            status: if payload.is_some() { 200 } else { 404 },
            payload,
        })
    }

    fn save() -> Result<String, String> {
        Ok(BOOKS.with_borrow(Books::record))
    }
}

impl messages::Guest for Component {
    fn on_message(message: Message) -> Result<(), String> {
        let body = String::from_utf8_lossy(&message.body);
        let number = body
            .parse()
            .map_err(|_| format!("the body {body:?} is no number"))?;
        with(|books| {
            if flaw().0 != "forget" {
                books.enter_message(number);
            }
            Ok(())
        })
    }
}
