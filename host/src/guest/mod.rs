//! The device's behaviour as a sandboxed WebAssembly component.

mod bindings;
pub mod compile;
mod component;
mod engine;
mod images;
mod imports;
mod instance;
mod instance_state;
mod limits;
mod log_budget;
pub(crate) mod progress;
pub(crate) mod remedy;
mod sandbox;
mod source;

pub use component::Component;
pub use instance::ComponentInstance;
pub use limits::{FixedLimit, Limit, LimitSetting, LimitSettingError, Limits, Unit};
pub use sandbox::{IncompatibleError, PreparedComponent, Sandbox, Wasi, World};
