//! The imports of components, one file for each interface of the contract.

pub(super) mod clock;
pub(super) mod hub;
pub(super) mod log;
pub(super) mod random;
pub(super) mod timers;
pub(super) mod wasi;
