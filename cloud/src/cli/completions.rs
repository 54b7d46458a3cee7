//! `cloud completions`

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;
use super::command_error::CommandError;

#[derive(Args)]
pub(crate) struct CompletionsCommand {
    /// Shell
    shell: Shell,
}

impl CompletionsCommand {
    pub(crate) fn run(&self) -> Result<(), CommandError> {
        // They complete the name this program was started by, such as `pnp-cloud`.
        let program = env::args_os().next().unwrap_or_default();
        let name = Path::new(&program).file_name();
        let name = name.map_or("cloud".into(), OsStr::to_string_lossy);
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), name, &mut script);
        Ok(io::stdout().write_all(&script)?)
    }
}
