//! Does wrong what it is told to. Proves that each limit and each failure is contained, and that the device goes on
//! afterwards with its last record: telemetry `{"count": n}` each second, n counted in the record.
//!
//! A fault is the name of a command, the value of the desired property `fault`, or a setting: `init` for one while it begins,
//! `first` for one in the first call after that and each later one:
//!
//! | fault | what it does |
//! |---|---|
//! | `trap` | aborts |
//! | `err` | returns an error |
//! | `spin` | computes for ever |
//! | `hog` | takes memory for ever |
//! | `wait` | sleeps for an hour on the WASI clock |
//! | `recurse` | calls itself for ever |
//! | `flood` | sends a million messages; answers how many were taken and the first error |
//! | `big` | sends 1 MB; answers the error |
//! | `log` | writes 10,000 lines |
//! | `log-on` | writes lines for ever |
//! | `huge` | answers 10 MB |
//! | `save-err` | returns an error from the save that follows |
//! | `big-record` | returns a record of 200 KB from the save that follows |
//! | `huge-record` | returns a record of 10 MB from the save that follows |
//! | `ok` | nothing wrong |
#![cfg(target_family = "wasm")]

use std::{hint::black_box, time::Duration};

use serde_json::{Value, json};
use test_guests::{
    Acknowledgment, Command, Desired, Device, Reply, Start, acknowledgment, hub, log, object,
    recorded, reply, run_timer, setting, telemetry,
};

#[derive(Default)]
struct Faulty {
    count: u64,
    /// What the next save does wrong.
    save: Option<&'static str>,
    /// The fault of each call.
    always: Option<String>,
}

impl Faulty {
    fn always(&mut self) -> Result<(), String> {
        match self.always.clone() {
            Some(fault) => self.commit(&fault).map(drop),
            None => Ok(()),
        }
    }

    /// Commits the fault of this name; none if it is not known.
    fn commit(&mut self, fault: &str) -> Result<Option<Value>, String> {
        match fault {
            "trap" => std::process::abort(),
            "err" => return Err("asked to fail".to_owned()),
            "spin" => spin(),
            "hog" => hog(),
            "wait" => std::thread::sleep(Duration::from_secs(3600)),
            "recurse" => drop(black_box(recurse(0))),
            "flood" => return Ok(Some(flood())),
            "big" => return Ok(Some(big())),
            "log" => {
                (0..10_000).for_each(|line| log::write(log::Level::Info, &format!("line {line}")))
            }
            "log-on" => {
                while black_box(true) {
                    log::write(log::Level::Info, "on and on");
                }
            }
            "huge" => return Ok(Some(json!("x".repeat(10_000_000)))),
            "save-err" => self.save = Some("save-err"),
            "big-record" => self.save = Some("big-record"),
            "huge-record" => self.save = Some("huge-record"),
            "ok" => {}
            _ => return Ok(None),
        }
        Ok(Some(json!({ "done": fault })))
    }
}

fn spin() {
    while black_box(true) {
        std::hint::spin_loop();
    }
}

fn hog() {
    let mut taken = Vec::new();
    while black_box(true) {
        taken.push(vec![1_u8; 1 << 20]);
    }
}

fn recurse(depth: u64) -> u64 {
    if black_box(false) {
        return depth;
    }
    // Work after the call, so that it cannot become a loop.
    black_box(recurse(depth + 1)) + black_box(depth)
}

fn flood() -> Value {
    let mut taken = 0;
    for number in 0..1_000_000 {
        if let Err(error) = hub::send_telemetry(&telemetry(None, &json!({ "flood": number }))) {
            return json!({ "taken": taken, "error": error.to_string() });
        }
        taken += 1;
    }
    json!({ "taken": taken })
}

fn big() -> Value {
    let body = json!({ "big": "x".repeat(1_000_000) });
    let error = hub::send_telemetry(&telemetry(None, &body)).err();
    json!({ "error": error.map(|error| error.to_string()) })
}

impl Device for Faulty {
    const NAME: &'static str = "faulty";

    fn init(start: Start) -> Result<Self, String> {
        run_timer(&start, "telemetry", 1000)?;
        let mut device = Self {
            count: recorded(&start, "count"),
            save: None,
            always: setting(&start, "first").map(str::to_owned),
        };
        if let Some(fault) = setting(&start, "init") {
            device.commit(fault)?;
        }
        Ok(device)
    }

    fn on_timer(&mut self, _name: String) -> Result<(), String> {
        self.always()?;
        self.count += 1;
        hub::send_telemetry(&telemetry(None, &json!({ "count": self.count })))
            .map_err(|error| error.to_string())
    }

    fn on_desired(&mut self, desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        let answer = |(property, value): (String, Value)| {
            let done = match value.as_str() {
                Some(fault) if property == "fault" => self.commit(fault)?.is_some(),
                _ => true,
            };
            Ok(acknowledgment(
                property,
                &value,
                if done { 200 } else { 400 },
            ))
        };
        object(&desired.properties)?
            .into_iter()
            .map(answer)
            .collect()
    }

    fn on_command(&mut self, command: Command) -> Result<Reply, String> {
        self.always()?;
        let answer = self.commit(&command.name)?;
        Ok(reply(if answer.is_some() { 200 } else { 404 }, answer))
    }

    fn save(&mut self) -> Result<String, String> {
        let padding = match self.save.take() {
            Some("save-err") => return Err("asked to fail at save".to_owned()),
            Some("huge-record") => 10_000_000,
            Some(_) => 200_000,
            None => 0,
        };
        Ok(json!({ "schema": 1, "count": self.count, "padding": "x".repeat(padding) }).to_string())
    }
}

test_guests::device!(Faulty);
