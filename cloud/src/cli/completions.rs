//! `cloud completions`

use std::{
    env,
    ffi::OsStr,
    io::{self, Write},
    path::Path,
};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, command_error::CommandError};

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
