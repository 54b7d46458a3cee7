//! The command `cloud`: runs the local Azure, and operates one that runs.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
