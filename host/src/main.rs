//! Runs an Azure IoT Plug and Play device whose behaviour is a WebAssembly component.

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use std::process::ExitCode;

fn main() -> ExitCode {
    host::app::main()
}
