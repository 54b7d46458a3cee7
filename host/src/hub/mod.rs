//! IoT Hub as a device sees it.

pub mod message;
pub mod pace;
pub mod poison;
pub mod reconnect;
pub mod session;
pub mod topic;
pub mod twin;
