//! The contract between the device loop and a behaviour: calls, their effects, and timers.

pub mod behaviour;
pub mod effect;
mod quota;
pub mod timers;

pub use self::quota::OutboxQuota;
