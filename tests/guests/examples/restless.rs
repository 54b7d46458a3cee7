//! Runs timers as often as they can be set. Proves that calls, messages and writes are limited.
//!
//! Commands `quiet` and `loud` set 60 timers of 1 ms, which do nothing or send 100 messages each, and `calm` cancels them.
//! `tick` sets a timer of 100 ms that sends `{"tick": n}`, n counted in the instance, and answers n. `count` answers how
//! often timers came, which the record does not hold, and `bulk` sends 30 MB.
#![cfg(target_family = "wasm")]

use serde_json::{Value, json};
use test_guests::{Command, Device, Reply, Start, hub, reply, telemetry, timers};

#[derive(Default)]
struct Restless {
    count: u64,
    ticks: u64,
}

fn send(body: &Value) -> Result<(), String> {
    hub::send_telemetry(&telemetry(None, body)).map_err(|error| error.to_string())
}

fn send_bulk() -> Result<Reply, String> {
    let body = json!({ "bulk": "x".repeat(150_000) });
    (0..200).try_for_each(|_| send(&body))?;
    Ok(reply(200, None))
}

fn set_timers(name: &str) -> Result<Reply, String> {
    for number in 0..60 {
        timers::set(&format!("{name}{number}"), timers::Schedule::Every(1))
            .map_err(|error| error.to_string())?;
    }
    Ok(reply(200, None))
}

fn cancel_timers() -> Result<Reply, String> {
    for name in ["quiet", "loud"] {
        for number in 0..60 {
            timers::cancel(&format!("{name}{number}")).map_err(|error| error.to_string())?;
        }
    }
    Ok(reply(200, None))
}

impl Device for Restless {
    const NAME: &'static str = "restless";

    fn init(_start: Start) -> Result<Self, String> {
        Ok(Self::default())
    }

    fn on_timer(&mut self, name: String) -> Result<(), String> {
        self.count += 1;
        if name == "tick" {
            self.ticks += 1;
            return send(&json!({ "tick": self.ticks }));
        }
        let count = if name.starts_with("loud") { 100 } else { 0 };
        (0..count).try_for_each(|number| send(&json!({ "number": number })))
    }

    fn on_command(&mut self, command: Command) -> Result<Reply, String> {
        match command.name.as_str() {
            "count" => Ok(reply(200, Some(json!(self.count)))),
            "bulk" => send_bulk(),
            "tick" => {
                let every = timers::Schedule::Every(100);
                timers::set("tick", every).map_err(|error| error.to_string())?;
                Ok(reply(200, Some(json!(self.ticks))))
            }
            "calm" => cancel_timers(),
            name @ ("quiet" | "loud") => set_timers(name),
            _ => Ok(reply(404, None)),
        }
    }
}

test_guests::device!(Restless);
