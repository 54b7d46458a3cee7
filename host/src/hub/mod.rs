//! IoT Hub as a device sees it.

pub mod message;
pub mod reconnect;
pub mod topic;

