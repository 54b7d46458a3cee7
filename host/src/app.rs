//! The program: from the command line to a running device.

use std::{
    io::{Write, stdout},
    panic,
    path::PathBuf,
    process::ExitCode,
    thread,
};

use anyhow::Context;
use clap::Parser;

use crate::{
    check,
    cli::{self, Cli, Command, CompileArgs, InspectArgs, OutboxArgs},
    config::{self, SettingError},
    device::{Refusal, behaviour::Failure},
    guest::compile::{LoadError, compile_here},
    inspect,
    mqtt::tls::TlsError,
    observability, operate, run,
    store::{self, Contents, OpenError, writer},
    text::one_line,
};

/// Why the program ends with a status other than 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Component(#[from] LoadError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    State(#[from] OpenError),
    #[error("the component {} does not start: {}", path.display(), failure.reason())]
    Start { path: PathBuf, failure: Failure },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Unheard(#[from] operate::UnheardError),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl AppError {
    fn status(&self) -> u8 {
        match self {
            Self::Setting(_)
            | Self::Component(_)
            | Self::Tls(_)
            | Self::State(_)
            | Self::Start { .. }
            | Self::Unheard(_) => 2,
            Self::Refused(_) => 3,
            Self::Failed(_) | Self::Other(_) => 1,
        }
    }
}

/// Runs the program and returns its exit status. A wrong command line ends it with status 2.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    observability::start(&cli.log);
    keep_quiet_about_damage();
    let result = match cli.command {
        Some(Command::Check(args)) => check::check(&args),
        Some(Command::Compile(args)) => compile(&args),
        Some(Command::Outbox(args)) => outbox(&args),
        Some(Command::State(args)) => inspect(&args, inspect::state),
        Some(Command::Swap(args)) => operate::swap(&args),
        Some(Command::Rollback(args)) => operate::rollback(&args),
        Some(Command::Status(args)) => operate::status(&args),
        Some(Command::Reconnect(args)) => operate::reconnect(&args),
        Some(Command::History(args)) => inspect(&args, inspect::history),
        Some(Command::Completions { shell }) => {
            print(&cli::completions(shell));
            Ok(())
        }
        None => run::run(&cli.run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error.to_string()));
            ExitCode::from(error.status())
        }
    }
}

/// A damaged store is dealt with where it is met, and its panic is none to a person.
fn keep_quiet_about_damage() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if thread::current().name() == Some(writer::THREAD) {
            tracing::debug!(%panic, "the store is damaged");
        } else {
            usual(panic);
        }
    }));
}

fn outbox(args: &OutboxArgs) -> Result<(), AppError> {
    match (args.retry, args.discard) {
        (Some(which), _) => operate::retry(&args.device, which),
        (None, Some(which)) => operate::discard(&args.device, which),
        (None, None) => inspect(&args.device, inspect::outbox),
    }
}

fn inspect(args: &InspectArgs, show: fn(&Contents, bool) -> String) -> Result<(), AppError> {
    let dir = inspect::find(args)?;
    // Reading a damaged file may panic, which only this thread may.
    let reading = thread::Builder::new()
        .name(writer::THREAD.to_owned())
        .spawn(move || store::read(&dir))
        .context("cannot start a thread")?;
    let contents = reading
        .join()
        .map_err(|_| anyhow::anyhow!("the state cannot be read"))??;
    print(show(&contents, args.json).as_bytes());
    Ok(())
}

fn compile(args: &CompileArgs) -> Result<(), AppError> {
    let image = compile_here(
        &args.file,
        &config::cache_dir(&args.cache)?,
        &args.limits.limits(),
        args.background,
    )
    .map_err(|error| match error {
        LoadError::NotCompiled { .. } | LoadError::Cache { .. } => {
            AppError::Failed(error.to_string())
        }
        unusable => unusable.into(),
    })?;
    print(format!("{}\n", image.display()).as_bytes());
    Ok(())
}

/// Writes a result; whoever stops reading has had enough.
pub(crate) fn print(result: &[u8]) {
    let mut out = stdout().lock();
    let _ = out.write_all(result).and_then(|()| out.flush());
}
