//! The smallest useful device: sends the time every second.
//!
//! ```text
//! make build
//! target/release/cloud exec --dir target/beacon -- target/release/host target/beacon.wasm --watch
//! ```
#![cfg(target_family = "wasm")]

// Generates types and functions from the contract. In a crate of your own, `path` is your copy of wit/.
wit_bindgen::generate!({ world: "device", path: "../../wit" });

use exports::pnp::device::behaviour::{
    Acknowledgment, Command, Description, Desired, Guest, Reply, Start,
};
use pnp::device::{clock, hub, timers};

struct Beacon;

impl Guest for Beacon {
    fn describe() -> Result<Description, String> {
        Ok(Description {
            name: "beacon".into(),
            version: "0.1.0".into(),
            model_id: "dtmi:com:example:Beacon;1".into(),
        })
    }

    fn init(_: Start) -> Result<(), String> {
        timers::set("beat", timers::Schedule::Every(1000)).map_err(|error| error.to_string())
    }

    fn on_timer(_: String) -> Result<(), String> {
        // `clock::now` is in milliseconds since 1970.
        let message = hub::Telemetry {
            component: None,
            body: hub::Body::Text(format!("{{\"time\":{}}}", clock::now())),
            content_type: "application/json".into(),
            content_encoding: "utf-8".into(),
            properties: Vec::new(),
        };
        hub::send_telemetry(&message).map_err(|error| error.to_string())
    }

    /// This device has no writable property: none is acknowledged.
    fn on_desired(_: Desired) -> Result<Vec<Acknowledgment>, String> {
        Ok(Vec::new())
    }

    /// This device has no command.
    fn on_command(_: Command) -> Result<Reply, String> {
        Ok(Reply {
            status: 404,
            payload: None,
        })
    }

    /// Returns the record: nothing but its schema version, because this device keeps nothing.
    fn save() -> Result<String, String> {
        Ok("{\"schema\":1}".into())
    }
}

export!(Beacon);
