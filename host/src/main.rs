//! Runs an Azure IoT Plug and Play device whose behaviour is a WebAssembly component.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::app::main()
}
