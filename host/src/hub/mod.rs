//! IoT Hub as a device sees it.

pub mod connect_rate_limit;
pub mod message;
pub mod poison;
pub mod reconnect;
pub mod reply;
pub mod session;
pub mod topic;
pub mod twin;
