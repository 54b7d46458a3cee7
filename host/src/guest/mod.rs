//! The device's behaviour as a sandboxed WebAssembly component.

mod bindings;
pub mod compile;
mod component;
mod engine;
mod imports;
mod instance;
mod limits;
mod state;

pub use component::{Component, Sandbox, UnfitError, Wasi};
pub use instance::Instance;
pub use limits::Limits;
