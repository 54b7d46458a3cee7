//! Runs devices of Azure IoT Plug and Play whose behaviour is a WebAssembly component.
//!
//! Four nouns: [`hub`] speaks to the cloud, [`guest`] runs the component, [`device`] is the loop that joins them, and
//! [`store`] keeps what must not be forgotten. Nothing here is global: a process runs as many devices as it likes.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod device;
pub mod guest;
pub mod hub;
mod inspect;
pub mod mqtt;
mod observability;
pub mod provision;
mod shutdown;
pub mod store;
mod story;
