//! The next version of `sequence`, with another record schema. Proves that state moves from one version to the next: it reads
//! the record of the previous version (schema 1) and its own (schema 2), and rejects others.
//!
//! Telemetry `{"sequence": n}` with every timer event; command `count` answers how many were sent.
#![cfg(target_family = "wasm")]

use serde_json::json;
use test_guests::{Command, Device, Reply, Start, hub, object, reply, run_timer, telemetry};

struct Sequence {
    sent: u64,
}

/// Returns the number of sent messages in a record of either schema; 0 without one.
fn sent(start: &Start) -> Result<u64, String> {
    let Some(record) = &start.last_record else {
        return Ok(0);
    };
    let record = object(record)?;
    let number = match record.get("schema").and_then(|schema| schema.as_u64()) {
        Some(1) => record.get("count"),
        Some(2) => record
            .get("messages")
            .and_then(|messages| messages.get("sent")),
        _ => return Err("the record has neither schema 1 nor schema 2".to_owned()),
    };
    let number = number.and_then(|number| number.as_u64());
    number.ok_or_else(|| "missing number of sent messages in the record".to_owned())
}

impl Device for Sequence {
    const NAME: &'static str = "sequence-v2";

    fn init(start: Start) -> Result<Self, String> {
        let sent = sent(&start)?;
        run_timer(&start, "sequence", 20)?;
        Ok(Self { sent })
    }

    fn on_timer(&mut self, _name: String) -> Result<(), String> {
        let number = self.sent + 1;
        hub::send_telemetry(&telemetry(None, &json!({ "sequence": number })))
            .map_err(|error| error.to_string())?;
        self.sent = number;
        Ok(())
    }

    fn on_command(&mut self, command: Command) -> Result<Reply, String> {
        Ok(match command.name.as_str() {
            "count" => reply(200, Some(json!(self.sent))),
            _ => reply(404, None),
        })
    }

    fn save(&mut self) -> Result<String, String> {
        Ok(json!({ "schema": 2, "messages": { "sent": self.sent } }).to_string())
    }
}

test_guests::device!(Sequence);
