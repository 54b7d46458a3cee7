//! Runs the programs as people do: a `cloud`, a `host` beside it, an operator's commands in between.
//!
//! Everything waits for events, with [`PATIENCE`], and panics when one does not come. What the processes printed is then
//! shown with the failed test. Every process ends with the value that stands for it.

mod books;
mod cloud;
mod device;
mod documents;
mod events;
mod files;
mod holdings;
mod host;
mod large;
mod load;
mod moments;
mod mounts;
mod numbers;
mod output;
mod process;
mod refused;
mod volume;

use std::time::Duration;

pub use books::{Books, Record};
pub use cloud::{Answer, Cloud, Reply};
pub use device::Device;
pub use documents::Documents;
pub use events::Events;
pub use files::{beacon, guest, is_root, sha256, thermostat, version};
pub use holdings::Holdings;
pub use host::HostCommand;
pub use large::{large, slow};
pub use load::Load;
pub use moments::Moments;
pub use mounts::can_mount;
pub use numbers::Numbers;
pub use output::Output;
pub use process::{Process, Signal};
pub use refused::{asynchronous, importing};
pub use volume::{FileSystem, Volume};

/// How long to wait for something that is bound to come. Only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(60);
