//! The program `cloud`: runs a local Azure IoT, and operates a running one.

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
