//! The thermostat of Microsoft's IoT Central tutorial.
//!
//! [`Thermostat`] is the whole device in plain Rust: events in, effects out, without I/O. It runs and is tested without
//! WebAssembly and without a host. Compiled for WebAssembly, the crate is a component of the world `pnp:device/device`.

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod clock;
mod command;
#[cfg(target_family = "wasm")]
mod glue;
mod history;
mod property;
mod record;
mod sensor;
mod settings;
mod temperature;
mod thermostat;
mod timestamp;

pub use clock::ClockReading;
pub use command::Reply;
pub use property::{Acknowledgment, TARGET_RANGE};
pub use thermostat::{DESCRIPTION, Description, Effect, EventContext, Reason, TIMER, Thermostat};
pub use timestamp::Timestamp;
