//! The program: from the command line to a running device.

use std::{
    io::{Write, stdout},
    panic,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    thread::{self, available_parallelism},
};

use anyhow::Context;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use crate::{
    cli::{self, Cli, Command, CompileArgs, InspectArgs, RunArgs, WasiArg},
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
    inspect,
    mqtt::{
        rumqtt::Rumqtt,
        tls::{self, TlsError},
    },
    observability, shutdown,
    store::{
        self, Contents, DeviceStore, Kept, Memory, OpenError, StateDir,
        writer::{self, Store},
    },
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
    #[error(transparent)]
    State(#[from] OpenError),
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
            Self::Setting(_)
            | Self::Component(_)
            | Self::Tls(_)
            | Self::State(_)
            | Self::Start { .. } => 2,
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
    keep_quiet_about_damage();
    let result = match cli.command {
        Some(Command::Compile(args)) => compile(&args),
        Some(Command::Outbox(args)) => inspect(&args, inspect::outbox),
        Some(Command::State(args)) => inspect(&args, inspect::state),
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
        shutdown::outlive_full_files().context("cannot listen for signals")?;
        let component = compiler.load(&sandbox, path).await?;
        let (device, store) = device(args, component, sandbox.limits())?;
        let ended = device.run(shutdown).await;
        // Only now everything is written.
        drop(store);
        ended.map_err(|error| match error {
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
) -> Result<(Device<Component, Rumqtt>, Option<Store>), AppError> {
    let identity = config::identity(args, &component.description().model_id)?;
    let name: Arc<str> = identity.device_id().into();
    let mut store = match args.state.ephemeral {
        true => None,
        false => {
            let path = config::state_dir(args.state.state_dir.as_ref(), &name)?;
            Some(Store::open(StateDir::take(&path)?)?)
        }
    };
    let (kept, backend) = match &mut store {
        Some(store) => store.device(&name),
        None => (Kept::default(), Box::new(Memory::default()) as _),
    };
    let clock = Arc::new(SystemClock::new());
    let story = Story::default();
    let device = Device::new(Parts {
        name,
        behaviour: component,
        config: config::component_settings(args).into(),
        identity,
        transport: Rumqtt::new(tls::client_config(args.ca.as_deref())?),
        store: DeviceStore::new(backend, kept, args.retention.retention(), &*clock),
        clock,
        seed: None,
        max_timers: limits.timers,
        observer: Arc::new(move |milestone| story.tell(&milestone)),
    });
    Ok((device, store))
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
