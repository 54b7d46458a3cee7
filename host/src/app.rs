//! The program `host`.

use std::{
    io::{Write, stdout},
    panic,
    process::ExitCode,
    thread,
};

use anyhow::Context;
use serde_json::json;

use crate::{
    app_error::AppError,
    check,
    cli::{self, Command, CompileArgs, InspectArgs, LogArgs, OutboxArgs, RunArgs},
    client, config,
    document::document,
    guest::compile::{LoadError, compile_here, compile_to_memory},
    inspect, observability,
    output::{CommandStderr, DeviceOutput, print, print_note},
    run,
    store::{self, Contents, writer},
    text::one_line,
};

/// Runs the program and returns its exit code. A wrong command line exits with 2.
#[must_use]
pub fn main() -> ExitCode {
    let cli = cli::parse();
    log_panics();
    let Some(command) = cli.command else {
        return run_device(&cli.run, &cli.log);
    };
    observability::start(&cli.log, || CommandStderr);
    exit_code(run_command(command), print_note)
}

fn run_command(command: Command) -> Result<(), AppError> {
    match command {
        Command::Check(args) => check::check(&args),
        Command::Compile(args) => compile(&args),
        Command::Outbox(args) => outbox(&args),
        Command::State(args) => inspect(&args, inspect::state),
        Command::Swap(args) => client::swap(&args),
        Command::Rollback(args) => client::rollback(&args),
        Command::Status(args) => client::status(&args),
        Command::Reconnect(args) => client::reconnect(&args),
        Command::History(args) => inspect(&args, inspect::history),
        Command::Completions { shell } => {
            print(&cli::completions(shell))?;
            Ok(())
        }
    }
}

fn run_device(args: &RunArgs, log: &LogArgs) -> ExitCode {
    let started =
        DeviceOutput::start(log.log_format).context("cannot start a thread for the output");
    let output = match started {
        Ok(output) => output,
        Err(error) => return exit_code(Err(error.into()), print_note),
    };
    let stderr = output.stderr.clone();
    observability::start(log, move || stderr.clone());
    let code = exit_code(run::run(args, &output), |line| output.stderr.line(line));
    output.flush();
    code
}

/// Returns the exit code, after an error is shown with `show`.
fn exit_code(result: Result<(), AppError>, show: impl Fn(&str)) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show(&format!("error: {}", one_line(&error.to_string())));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Logs panics: what Rust prints would wait for a standard error that nobody reads. Damage makes the thread that reads the
/// store panic, and is handled there.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        if thread == writer::THREAD_NAME {
            tracing::debug!(%panic, "store damaged");
        } else {
            tracing::error!(%panic, thread, "thread failed");
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
    print(show(&contents, args.json).as_bytes())?;
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
    let text = match args.json {
        true => document(json!({"image": image.display().to_string()})),
        false => format!("{}\n", image.display()),
    };
    print(text.as_bytes())?;
    Ok(())
}
