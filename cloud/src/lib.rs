//! A local Azure IoT: Device Provisioning Service and IoT Hub on your machine, without an account.
//!
//! Devices connect with MQTT 3.1.1 over TLS ([`server`]); [`hub`] and [`dps`] hold their state; back ends and operators use Azure's
//! REST API over HTTPS ([`api`]), or the console in a browser ([`console`]).

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod api;
pub mod ca;
pub mod ca_bundle;
mod clock;
mod connection_limits;
pub mod console;
pub mod dir;
pub mod dps;
pub mod events;
mod excerpt;
pub mod faults;
mod files;
mod front;
mod http_server;
pub mod hub;
pub mod identity;
pub mod json;
pub mod load;
pub mod models;
pub mod mqtt;
pub mod policies;
pub mod query;
pub mod sas;
pub mod server;
pub mod store;
pub mod templates;
pub mod tls;
pub mod trace;
