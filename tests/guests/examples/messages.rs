//! Receives cloud-to-device messages. Proves their order, their acknowledgment and the retry of failed ones: keeps the
//! last one and how many came, and fails for the body `fail`.
//!
//! Command `last` answers `{"body", "properties", "count"}` of what is in the record, or 404 before the first message.
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

use std::cell::RefCell;

use bindings::exports::pnp::device::{
    behaviour::{Acknowledgment, Command, Description, Desired, Guest, Reply, Start},
    messages::{self, Message},
};
use serde_json::{Value, json};

struct Component;

thread_local! {
    /// The record: the last message and how many came.
    static RECORD: RefCell<Value> = const { RefCell::new(Value::Null) };
}

impl Guest for Component {
    fn describe() -> Result<Description, String> {
        Ok(Description {
            name: "messages".to_owned(),
            version: "0.1.0".to_owned(),
            model_id: "dtmi:com:example:Thermostat;1".to_owned(),
        })
    }

    fn init(start: Start) -> Result<(), String> {
        let record = start
            .last_record
            .as_deref()
            .map(serde_json::from_str)
            .transpose();
        RECORD.set(
            record
                .map_err(|error| error.to_string())?
                .unwrap_or_else(|| json!({ "schema": 1, "count": 0 })),
        );
        Ok(())
    }

    fn on_timer(_name: String) -> Result<(), String> {
        Ok(())
    }

    fn on_desired(_desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        Ok(Vec::new())
    }

    fn on_command(command: Command) -> Result<Reply, String> {
        let last =
            RECORD.with_borrow(|record| (record.get("body").is_some()).then(|| record.to_string()));
        let known = command.name == "last" && last.is_some();
        Ok(Reply {
            status: if known { 200 } else { 404 },
            payload: last.filter(|_| known),
        })
    }

    fn save() -> Result<String, String> {
        Ok(RECORD.with_borrow(Value::to_string))
    }
}

impl messages::Guest for Component {
    fn on_message(message: Message) -> Result<(), String> {
        let body = String::from_utf8_lossy(&message.body);
        if body == "fail" {
            return Err("the message asks to fail".to_owned());
        }
        let count =
            RECORD.with_borrow(|record| record.get("count").and_then(Value::as_u64).unwrap_or(0));
        RECORD.set(json!({ "schema": 1, "body": body, "properties": message.properties, "count": count + 1 }));
        Ok(())
    }
}
