//! The program `host`.

use std::{
    io::{Write, stdout},
    panic,
    path::PathBuf,
    process::ExitCode,
    thread,
};

use anyhow::Context;

use crate::{
    check,
    cli::{self, Command, CompileArgs, InspectArgs, OutboxArgs},
    client,
    config::{self, SettingError},
    device::{IdentityRejected, behaviour::CallFailure},
    guest::{
        compile::{LoadError, compile_here, compile_to_memory},
        remedy::of_limit,
    },
    inspect,
    mqtt::tls::TlsError,
    observability, run,
    store::{self, Contents, OpenError, writer},
    text::one_line,
};

/// The error with which the program ends.
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
    #[error("cannot start component {}: {}{}", path.display(), failure.reason(), of_limit(failure))]
    Start { path: PathBuf, failure: CallFailure },
    #[error(transparent)]
    Rejected(#[from] IdentityRejected),
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Unreachable(#[from] client::UnreachableError),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl AppError {
    /// Returns the exit code.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(error) if error.may_pass() => 1,
            Self::Tls(error) if error.may_pass() => 1,
            Self::State(error) if error.may_pass() => 1,
            Self::Component(error) if error.may_pass() => 1,
            Self::Setting(_)
            | Self::Component(_)
            | Self::Tls(_)
            | Self::State(_)
            | Self::Start { .. }
            | Self::Rejected(IdentityRejected::Unusable(_))
            | Self::Unreachable(_) => 2,
            Self::Rejected(IdentityRejected::Refused(_)) => 3,
            Self::Failed(_) | Self::Other(_) => 1,
        }
    }
}

/// Runs the program and returns its exit code. A wrong command line exits with 2.
#[must_use]
pub fn main() -> ExitCode {
    let cli = cli::parse();
    observability::start(&cli.log);
    silence_store_panics();
    let result = match cli.command {
        Some(Command::Check(args)) => check::check(&args),
        Some(Command::Compile(args)) => compile(&args),
        Some(Command::Outbox(args)) => outbox(&args),
        Some(Command::State(args)) => inspect(&args, inspect::state),
        Some(Command::Swap(args)) => client::swap(&args),
        Some(Command::Rollback(args)) => client::rollback(&args),
        Some(Command::Status(args)) => client::status(&args),
        Some(Command::Reconnect(args)) => client::reconnect(&args),
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
            ExitCode::from(error.exit_code())
        }
    }
}

/// Silences panics of the thread that reads the store: damage is handled there.
fn silence_store_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if thread::current().name() == Some(writer::THREAD_NAME) {
            tracing::debug!(%panic, "store damaged");
        } else {
            usual(panic);
        }
    }));
}

fn outbox(args: &OutboxArgs) -> Result<(), AppError> {
    match (args.retry, args.discard) {
        (Some(which), _) => client::retry(&args.device, which),
        (None, Some(which)) => client::discard(&args.device, which),
        (None, None) => inspect(&args.device, inspect::outbox),
    }
}

fn inspect(args: &InspectArgs, show: fn(&Contents, bool) -> String) -> Result<(), AppError> {
    let dir = inspect::find_state_dir(args)?;
    // Reading a damaged file may panic, on this thread only.
    let reading = thread::Builder::new()
        .name(writer::THREAD_NAME.to_owned())
        .spawn(move || store::read(&dir))
        .context("cannot start a thread")?;
    let contents = reading
        .join()
        .map_err(|_| anyhow::anyhow!("cannot read the state"))??;
    print(show(&contents, args.json).as_bytes());
    Ok(())
}

fn compile(args: &CompileArgs) -> Result<(), AppError> {
    let failed = |error: LoadError| match error {
        LoadError::NotCompiled { .. } => AppError::Failed(error.to_string()),
        unusable => unusable.into(),
    };
    let limits = args.limits.limits();
    if args.stdout {
        let compiled = compile_to_memory(&args.file, &limits, args.background);
        let (_, image) = compiled.map_err(failed)?;
        let written = stdout().lock().write_all(&image);
        return Ok(written.context("cannot write the image")?);
    }
    let cache = config::cache_dir(&args.cache)?;
    let compiled = compile_here(&args.file, &cache, &limits, args.background);
    let image = compiled.map_err(failed)?;
    print(format!("{}\n", image.display()).as_bytes());
    Ok(())
}

/// Prints a result. A closed pipe is no error.
pub(crate) fn print(result: &[u8]) {
    let mut out = stdout().lock();
    let _ = out.write_all(result).and_then(|()| out.flush());
}
