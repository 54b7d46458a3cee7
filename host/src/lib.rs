//! Runs devices of Azure IoT whose behaviour is a WebAssembly component.

pub mod clock;
pub mod mqtt;
