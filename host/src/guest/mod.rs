//! The device's behaviour as a sandboxed WebAssembly component.

mod bindings;
mod call_meter;
pub mod compile;
mod component;
mod description;
mod engine;
mod failure;
pub(crate) mod images;
mod imports;
mod instance;
mod instance_state;
mod last_words;
mod limits;
mod log_budget;
mod log_stream;
pub(crate) mod progress;
pub(crate) mod remedy;
mod sandbox;
mod source;

pub use component::Component;
pub use instance::ComponentInstance;
pub use limits::{FixedLimit, Limit, LimitSetting, LimitSettingError, Limits, Unit};
pub use sandbox::{IncompatibleError, PreparedComponent, Sandbox, Wasi, World};
