//! The program: from the command line to a running device.

use std::{
    io::{Write, stdout},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    thread::available_parallelism,
};

use anyhow::Context;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use crate::{
    cli::{self, Cli, Command, CompileArgs, RunArgs, WasiArg},
    clock::SystemClock,
    config::{self, SettingError},
    device::{
        Device, DeviceError, Parts, Refusal,
        behaviour::{Behaviour, Failure},
    },
    guest::{
        Component, Limits, Sandbox, Wasi,
        compile::{Compiler, LoadError, compile_here},
    },
    mqtt::{
        rumqtt::Rumqtt,
        tls::{self, TlsError},
    },
    observability, shutdown,
    store::{DeviceStore, Memory, outbox::Bounds},
    story::Story,
};

/// Why the program ends with a status other than 0.
#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Component(#[from] LoadError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the component {} does not start: {}", path.display(), failure.reason())]
    Start { path: PathBuf, failure: Failure },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl AppError {
    fn status(&self) -> u8 {
        match self {
            Self::Setting(_) | Self::Component(_) | Self::Tls(_) | Self::Start { .. } => 2,
            Self::Refused(_) => 3,
            Self::Other(_) => 1,
        }
    }
}

/// Runs the program and returns its exit status. A wrong command line ends it with status 2.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    observability::start(&cli.log);
    let result = match cli.command {
        Some(Command::Compile(args)) => compile(&args),
        Some(Command::Completions { shell }) => {
            print(&cli::completions(shell));
            Ok(())
        }
        None => run(&cli.run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error.to_string()));
            ExitCode::from(error.status())
        }
    }
}

fn compile(args: &CompileArgs) -> Result<(), AppError> {
    let image = compile_here(
        &args.file,
        &config::cache_dir(&args.cache)?,
        &Limits::default(),
    )?;
    print(format!("{}\n", image.display()).as_bytes());
    Ok(())
}

/// The text without line ends and with nothing that moves a cursor: parts of it come from the cloud or a component.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.trim_end().chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Writes a result; whoever stops reading has had enough.
fn print(result: &[u8]) {
    let mut out = stdout().lock();
    let _ = out.write_all(result).and_then(|()| out.flush());
}

fn run(args: &RunArgs) -> Result<(), AppError> {
    let path = args.component.as_ref().ok_or_else(|| {
        SettingError::new("no component is named; add --component FILE, such as `host --component thermostat.wasm`")
    })?;
    // Two runtimes: a component that spins must not delay a keep-alive.
    let network = runtime("network", 2)?;
    let guests = runtime("guest", available_parallelism().map_or(2, usize::from))?;
    let wasi = match args.wasi {
        WasiArg::LogOnly => Wasi::LogOnly,
        WasiArg::None => Wasi::None,
    };
    let sandbox = Sandbox::new(Limits::default(), wasi, guests.handle().clone())
        .map_err(anyhow::Error::from)?;
    let program =
        std::env::current_exe().context("cannot find this program, which also compiles")?;
    let compiler = Compiler {
        program,
        cache: config::cache_dir(&args.cache)?,
    };

    let result = network.block_on(async {
        let shutdown = shutdown::listen().context("cannot listen for signals")?;
        let component = compiler.load(&sandbox, path).await?;
        let device = device(args, component, sandbox.limits())?;
        device.run(shutdown).await.map_err(|error| match error {
            DeviceError::Component(failure) => AppError::Start {
                path: path.clone(),
                failure,
            },
            DeviceError::Refused(refusal) => refusal.into(),
        })
    });
    // Whatever still runs has nothing left to say.
    guests.shutdown_background();
    network.shutdown_background();
    result
}

fn device(
    args: &RunArgs,
    component: Component,
    limits: &Limits,
) -> Result<Device<Component, Rumqtt>, AppError> {
    let identity = config::identity(args, &component.description().model_id)?;
    let story = Story::default();
    Ok(Device::new(Parts {
        name: identity.device_id().into(),
        behaviour: component,
        config: config::component_settings(args).into(),
        identity,
        transport: Rumqtt::new(tls::client_config(args.ca.as_deref())?),
        store: DeviceStore::new(Box::new(Memory::default()), Bounds::default()),
        clock: Arc::new(SystemClock::new()),
        seed: None,
        max_timers: limits.timers,
        observer: Arc::new(move |milestone| story.tell(&milestone)),
    }))
}

fn runtime(name: &str, workers: usize) -> Result<Runtime, AppError> {
    let runtime = Builder::new_multi_thread()
        .thread_name(name)
        .worker_threads(workers)
        .enable_all()
        .build();
    Ok(runtime.with_context(|| format!("cannot start the {name} threads"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_cannot_move_the_cursor() {
        assert_eq!(
            one_line("no\u{1b}[2J\r\nerror: all is well\n"),
            "no\\u{1b}[2J\\r\\nerror: all is well"
        );
    }
}
