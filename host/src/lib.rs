//! Runs devices of Azure IoT Plug and Play whose behaviour is a WebAssembly component.
//!
//! [`hub`] speaks to the cloud, [`guest`] runs the component by the [`contract`], [`device`] is the loop that joins them,
//! [`swap`] replaces the component while it runs, and [`store`] persists a device's state. Nothing is global: a process runs any number of devices.

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod app;
mod app_error;
pub mod cause;
mod check;
pub mod cli;
mod client;
pub mod clock;
pub mod config;
pub mod contract;
pub mod device;
mod document;
pub mod guest;
pub mod hub;
mod inspect;
mod machine;
mod metrics;
pub mod mqtt;
mod observability;
mod output;
mod own_dir;
mod program;
pub mod provision;
mod renamed;
mod run;
mod secret;
pub mod service;
pub mod setting;
mod shutdown;
pub mod status;
mod stdout_reporter;
pub mod store;
pub mod swap;
mod text;
mod units;
pub mod versions;
