//! Does wrong what it is told to. Proves that each limit and each failure is contained, and that the device goes on
//! afterwards with its last record: telemetry `{"count": n}` each second, n counted in the record.
//!
//! A fault is the name of a command, the value of the desired property `fault`, or a setting: `init` for one while it begins,
//! `first` for one in the first call after that and each later one:
//!
//! | fault | what it does |
//! |---|---|
//! | `trap` | aborts |
//! | `mutter` | writes a line to standard error |
//! | `panic` | panics with a message |
//! | `last-words` | writes to standard error without a newline, and aborts |
//! | `traceback` | writes a long traceback to standard error, and aborts |
//! | `wild` | reads far outside its memory |
//! | `err` | returns an error |
//! | `spin` | computes for ever |
//! | `spin-aloud` | writes a line to standard error, and computes for ever |
//! | `random` | takes 16 MiB of random bytes again and again; reads the clock before each time |
//! | `random-huge` | takes 1 GiB of random bytes at once |
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
//! | `status` | answers with status 0 |
//! | `ok` | nothing wrong |
//!
//! The command `report` reports its payload `{"component": …, "properties": …}` and `telemetry` sends a message of the
//! component in its payload; both answer `ok` or the error. The desired property `acknowledge` is acknowledged as its value
//! `{"property": …, "value": …, "status": …}` says.
#![cfg(target_family = "wasm")]

use std::{hint::black_box, time::Duration};

use serde_json::{Value, json};
use test_guests::{
    Acknowledgment, Command, Desired, Device, Reply, Start, acknowledgment, clock, hub, log,
    object, recorded, reply, run_timer, setting, telemetry,
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
            "mutter" => eprintln!("all is well"),
            "panic" => not_a_number("x"),
            "last-words" => {
                eprint!("dying of thirst");
                std::process::abort();
            }
            "traceback" => {
                (0..100).for_each(|line| eprintln!("  File \"app.py\", line {line}, in f"));
                eprintln!("ValueError: zone 7");
                std::process::abort();
            }
            "wild" => wild(),
            "err" => return Err("asked to fail".to_owned()),
            "spin" => spin(),
            "spin-aloud" => {
                eprintln!("counting to infinity");
                spin();
            }
            "random" => {
                while black_box(true) {
                    black_box(clock::now());
                    random_bytes(16 << 20);
                }
            }
            "random-huge" => random_bytes(1 << 30),
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

#[inline(never)]
fn not_a_number(text: &str) {
    let number: f64 = text.parse().expect("set point of zone 7");
    black_box(number);
}

#[inline(never)]
#[allow(unsafe_code, reason = "the fault")]
fn wild() {
    let far = black_box(0xffff_fff0_usize) as *const u8;
    black_box(unsafe { far.read_volatile() });
}

/// A list of bytes as the C library of WASI has it.
#[repr(C)]
struct ByteList {
    start: *mut u8,
    length: usize,
}

#[allow(
    unsafe_code,
    reason = "`wasi:random` of the C library, which std links"
)]
fn random_bytes(count: u64) {
    unsafe extern "C" {
        fn random_get_random_bytes(count: u64, bytes: *mut ByteList);
        fn free(start: *mut u8);
    }
    let mut bytes = ByteList {
        start: std::ptr::null_mut(),
        length: 0,
    };
    unsafe {
        random_get_random_bytes(count, &mut bytes);
        free(black_box(bytes.start));
    }
    black_box(bytes.length);
}

/// The answer to a call of `hub`: `ok`, or the reason.
fn answer(result: Result<(), hub::Error>) -> Value {
    match result {
        Ok(()) => json!("ok"),
        Err(hub::Error::Invalid(reason) | hub::Error::TooLarge(reason)) => json!(reason),
        Err(error) => json!(error.to_string()),
    }
}

/// Reports what a command's payload says; answers the error.
fn report(payload: &str) -> Result<Value, String> {
    let request = Value::Object(object(payload)?);
    let component = request["component"].as_str();
    let reported = hub::report(component, &request["properties"].to_string());
    Ok(answer(reported))
}

/// Sends a message of the component that a command's payload names; answers the error.
fn send_as(payload: &str) -> Result<Value, String> {
    let component: String = serde_json::from_str(payload).map_err(|error| error.to_string())?;
    let sent = hub::send_telemetry(&telemetry(Some(&component), &json!({})));
    Ok(answer(sent))
}

#[inline(never)]
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
            if property == "acknowledge" && value.is_object() {
                let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
                let status = value["status"].as_u64().unwrap_or(200) as u32;
                return Ok(acknowledgment(text("property"), &value["value"], status));
            }
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
        let payload = command.payload.as_deref().unwrap_or("null");
        match &*command.name {
            "report" => return Ok(reply(200, Some(report(payload)?))),
            "telemetry" => return Ok(reply(200, Some(send_as(payload)?))),
            "status" => return Ok(reply(0, None)),
            _ => {}
        }
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
