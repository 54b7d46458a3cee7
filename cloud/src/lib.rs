//! The local Azure: Device Provisioning Service and IoT Hub on a laptop, without an account.
//!
//! Devices speak MQTT 3.1.1 over TLS to one listener ([`server`]); what they are and what they said is kept by
//! [`hub`] and [`dps`]; operators use Azure's own REST shapes over HTTPS ([`api`]), or a page in the browser ([`console`]).

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod api;
pub mod ca;
pub mod console;
pub mod dir;
pub mod dps;
pub mod error;
pub mod faults;
mod files;
mod front;
pub mod hub;
mod json;
pub mod load;
pub mod models;
pub mod mqtt;
pub mod query;
pub mod sas;
pub mod server;
pub mod store;
pub mod templates;
pub mod tls;
pub mod trace;
