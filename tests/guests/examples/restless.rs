//! Runs timers as often as they can be set. Proves that calls, messages and writes are limited.
//!
//! Commands `quiet` and `loud` set 60 timers of 1 ms, which do nothing or send 100 messages each, `calm` cancels them, and
//! `count` answers how often timers came, which the record does not hold.
#![cfg(target_family = "wasm")]

use serde_json::json;
use test_guests::{Command, Device, Reply, Start, hub, reply, telemetry, timers};

#[derive(Default)]
struct Restless {
    count: u64,
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
        let count = if name.starts_with("loud") { 100 } else { 0 };
        (0..count)
            .try_for_each(|number| {
                hub::send_telemetry(&telemetry(None, &json!({ "number": number })))
            })
            .map_err(|error| error.to_string())
    }

    fn on_command(&mut self, command: Command) -> Result<Reply, String> {
        match command.name.as_str() {
            "count" => Ok(reply(200, Some(json!(self.count)))),
            "calm" => cancel_timers(),
            name @ ("quiet" | "loud") => set_timers(name),
            _ => Ok(reply(404, None)),
        }
    }
}

test_guests::device!(Restless);
