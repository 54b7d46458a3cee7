//! Components for tests, one per file in `examples/`: some with predictable behaviour, most with one fault.
//!
//! Build them all with
//!
//! ```text
//! cargo build -p test-guests --examples --target wasm32-wasip2 --profile guest
//! ```
//!
//! which leaves `target/wasm32-wasip2/guest/examples/NAME.wasm`, NAME with underscores instead of hyphens. For other
//! targets everything here is empty. This library is what they share: implement [`Device`] and call [`device!`].
#![cfg(target_family = "wasm")]

/// The world `pnp:device/device`.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract"
)]
pub mod bindings {
    wit_bindgen::generate!({ world: "device", path: "../../wit", pub_export_macro: true });
}

use std::{cell::RefCell, thread::LocalKey};

pub use bindings::{
    exports::pnp::device::behaviour::{
        Acknowledgment, Command, Description, Desired, Guest, Reason, Reply, Start,
    },
    pnp::device::{clock, hub, log, random, timers},
};
use serde_json::{Map, Value};

/// A device that [`device!`] makes a component. Most functions have a default.
pub trait Device: Sized + 'static {
    /// Name in the description.
    const NAME: &'static str;

    /// Returns the description of the component.
    ///
    /// # Errors
    /// Makes the component unusable.
    fn describe() -> Result<Description, String> {
        Ok(description(Self::NAME))
    }

    /// Initializes an instance.
    ///
    /// # Errors
    /// If the instance cannot run.
    fn init(start: Start) -> Result<Self, String>;

    /// Handles a timer.
    ///
    /// # Errors
    /// Fails the event.
    fn on_timer(&mut self, _name: String) -> Result<(), String> {
        Ok(())
    }

    /// Applies desired properties. By default, accepts all.
    ///
    /// # Errors
    /// Fails the event.
    fn on_desired(&mut self, desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        let properties = object(&desired.properties)?;
        Ok(properties
            .into_iter()
            .map(|(property, value)| acknowledgment(property, &value, 200))
            .collect())
    }

    /// Runs a command. By default, knows none.
    ///
    /// # Errors
    /// Fails the event.
    fn on_command(&mut self, _command: Command) -> Result<Reply, String> {
        Ok(reply(404, None))
    }

    /// Returns the record.
    ///
    /// # Errors
    /// Fails the event it follows.
    fn save(&mut self) -> Result<String, String> {
        Ok("{\"schema\":1}".to_owned())
    }
}

/// Makes a description with this name, version 0.1.0 and the model of the thermostat.
pub fn description(name: &str) -> Description {
    Description {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        model_id: "dtmi:com:example:Thermostat;1".to_owned(),
    }
}

/// Parses a JSON object.
///
/// # Errors
/// If the text is not a JSON object.
pub fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Makes an acknowledgment of a desired property.
pub fn acknowledgment(property: String, value: &Value, status: u32) -> Acknowledgment {
    Acknowledgment {
        property,
        value: value.to_string(),
        status,
        description: String::new(),
    }
}

/// Makes a reply to a command.
pub fn reply(status: u32, payload: Option<Value>) -> Reply {
    Reply {
        status,
        payload: payload.map(|payload| payload.to_string()),
    }
}

/// Makes a telemetry message of JSON.
pub fn telemetry(component: Option<&str>, body: &Value) -> hub::Telemetry {
    hub::Telemetry {
        component: component.map(str::to_owned),
        body: hub::Body::Text(body.to_string()),
        content_type: "application/json".to_owned(),
        content_encoding: "utf-8".to_owned(),
        properties: Vec::new(),
    }
}

/// Returns the integer of this name in the record, or 0.
pub fn recorded(start: &Start, name: &str) -> u64 {
    let record = start
        .last_record
        .as_deref()
        .and_then(|record| object(record).ok());
    record
        .and_then(|record| record.get(name)?.as_u64())
        .unwrap_or(0)
}

/// Sets the periodic timer of this name, unless it still runs.
///
/// # Errors
/// If the host rejects it.
pub fn run_timer(start: &Start, name: &str, period_ms: u32) -> Result<(), String> {
    if start.last_record.is_some() && start.reason != Reason::Restart {
        return Ok(());
    }
    timers::set(name, timers::Schedule::Every(period_ms)).map_err(|error| error.to_string())
}

/// Returns the value of a setting, if it is set.
pub fn setting<'a>(start: &'a Start, name: &str) -> Option<&'a str> {
    let found = start.config.iter().rev().find(|(key, _)| key == name);
    found.map(|(_, value)| &**value)
}

/// Parses a setting such as `20ms` in milliseconds, if it is set.
///
/// # Errors
/// If the value is not in this form.
pub fn millis(start: &Start, setting: &str) -> Result<Option<u32>, String> {
    let millis = |value: &str| value.strip_suffix("ms")?.parse().ok();
    self::setting(start, setting)
        .map(|value| {
            millis(value)
                .ok_or_else(|| format!("invalid {setting} {value:?}: expected an integer with ms"))
        })
        .transpose()
}

/// The storage of the device; [`device!`] provides it.
pub trait Slot: Device {
    /// Returns the slot of this type.
    fn slot() -> &'static LocalKey<RefCell<Option<Self>>>;
}

/// The adapter of a [`Device`] to the contract.
pub struct Adapter<D>(std::marker::PhantomData<D>);

impl<D: Slot> Adapter<D> {
    fn with<T>(call: impl FnOnce(&mut D) -> Result<T, String>) -> Result<T, String> {
        D::slot().with_borrow_mut(|device| call(device.as_mut().ok_or("init was not called")?))
    }
}

impl<D: Slot> Guest for Adapter<D> {
    fn describe() -> Result<Description, String> {
        D::describe()
    }

    fn init(start: Start) -> Result<(), String> {
        D::slot().set(Some(D::init(start)?));
        Ok(())
    }

    fn on_timer(name: String) -> Result<(), String> {
        Self::with(|device| device.on_timer(name))
    }

    fn on_desired(desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        Self::with(|device| device.on_desired(desired))
    }

    fn on_command(command: Command) -> Result<Reply, String> {
        Self::with(|device| device.on_command(command))
    }

    fn save() -> Result<String, String> {
        Self::with(D::save)
    }
}

/// Makes a component of a [`Device`].
#[macro_export]
macro_rules! device {
    ($device:ident) => {
        #[allow(unsafe_code, reason = "exports are functions with a fixed name")]
        mod component {
            use std::cell::RefCell;

            thread_local! {
                static SLOT: RefCell<Option<super::$device>> = const { RefCell::new(None) };
            }

            impl $crate::Slot for super::$device {
                fn slot() -> &'static std::thread::LocalKey<RefCell<Option<Self>>> {
                    &SLOT
                }
            }

            type Component = $crate::Adapter<super::$device>;
            $crate::bindings::export!(Component with_types_in $crate::bindings);
        }
    };
}
