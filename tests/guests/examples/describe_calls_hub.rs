//! Calls the hub and the timers where they refuse. Proves that `describe` and `save` stage nothing: its name is
//! `describe-calls-hub: NAME, NAME` with the names of the errors that `hub.send-telemetry` and `timers.set` returned in
//! `describe`; those returned in `save` are in its record, which command `record` answers.
#![cfg(target_family = "wasm")]

use serde_json::json;
use test_guests::{
    Command, Description, Device, Reply, Start, description, hub, reply, telemetry, timers,
};

/// What comes of a call to each of the two interfaces.
fn try_both() -> [&'static str; 2] {
    let sent = match hub::send_telemetry(&telemetry(None, &json!({}))) {
        Ok(()) => "taken",
        Err(hub::Error::Refused) => "refused",
        Err(_) => "another error",
    };
    let set = match timers::set("forbidden", timers::Schedule::Every(1000)) {
        Ok(()) => "taken",
        Err(timers::Error::Refused) => "refused",
        Err(_) => "another error",
    };
    [sent, set]
}

#[derive(Default)]
struct Prober {
    record: String,
}

impl Device for Prober {
    const NAME: &'static str = "describe-calls-hub";

    fn describe() -> Result<Description, String> {
        Ok(description(&format!(
            "{}: {}",
            Self::NAME,
            try_both().join(", ")
        )))
    }

    fn init(start: Start) -> Result<Self, String> {
        Ok(Self {
            record: start.last_record.unwrap_or_default(),
        })
    }

    fn on_command(&mut self, command: Command) -> Result<Reply, String> {
        Ok(match command.name.as_str() {
            "record" => Reply {
                status: 200,
                payload: Some(self.record.clone()),
            },
            _ => reply(404, None),
        })
    }

    fn save(&mut self) -> Result<String, String> {
        self.record = json!({ "schema": 1, "save": try_both() }).to_string();
        Ok(self.record.clone())
    }
}

test_guests::device!(Prober);
