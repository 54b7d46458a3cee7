//! The device's behaviour as a sandboxed WebAssembly component.

mod bindings;
pub mod compile;
mod component;
mod engine;
mod images;
mod imports;
mod instance;
mod limits;
mod log_budget;
mod sandbox;
mod source;
mod state;

pub use component::Component;
pub use instance::Instance;
pub use limits::{FixedLimit, Limit, LimitSetting, LimitSettingError, Limits, Unit};
pub use sandbox::{Prepared, Sandbox, UnfitError, Wasi, World};
