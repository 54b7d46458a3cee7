//! Runs a device with the options of the command line.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
};

use anyhow::Context;
use jiff::Timestamp;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    select,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::spawn_blocking,
};

use crate::{
    app_error::AppError,
    cli::{RunArgs, SandboxArgs},
    clock::{SystemClock, build_time},
    config,
    contract::behaviour::CallFailure,
    device::{ConnectionConfig, Device, DeviceConfig, DeviceError, Identity},
    guest::{
        Component, Sandbox,
        compile::{Compiler, ComponentSource},
    },
    machine, metrics,
    mqtt::{connector::Connector, trust_roots::TrustRoots},
    output::DeviceOutput,
    program,
    service::{self, Notifier},
    setting::SettingError,
    shutdown,
    stdout_reporter::{QUITTING, StdoutReporter},
    store::{DeviceState, DeviceStore, MemoryBackend, PersistedState, StateDir, writer::Store},
    swap::{
        DeviceRequest, SwapCommand, SwapConfig, SwapRequest,
        component_store::ComponentStore,
        control::ControlSocket,
        loader::Loader,
        prepare::Preparer,
        start::{StartupVersion, select_version},
        watch::FileWatch,
    },
    versions::SwapSource,
};

/// Path of this program, which is its own compiler; valid even if the file was replaced.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// Capacity of the channels of commands and requests.
const CHANNEL_CAPACITY: usize = 16;

/// Runs a device until shutdown.
pub(crate) fn run(args: &RunArgs, output: &DeviceOutput) -> Result<(), AppError> {
    let file = args.component().ok_or_else(|| {
        SettingError::new(format!(
            "no component given: name its file, such as `{}`",
            program::command("thermostat.wasm")
        ))
    })?;
    let identity = config::identity(args).map_err(|error| {
        let limits = args.sandbox.limits.limits();
        match ComponentSource::read(file, &limits) {
            // Nothing else is right either: the argument is named before the environment.
            Err(unreadable) => AppError::from(unreadable),
            Ok(_) => error.into(),
        }
    })?;
    // Two runtimes: a component that spins must not delay a keep-alive.
    let network = runtime("network", 2)?;
    let guests = runtime("guest", available_parallelism().map_or(2, usize::from))?;
    let (state_dir, cache) = config::directories(args, identity.device_id())?;
    let (compiler, sandbox) = sandbox(&args.sandbox, cache, guests.handle())?;
    let result = network.block_on(async {
        let shutdown = shutdown::listen().context("cannot handle signals")?;
        tokio::pin!(shutdown);
        shutdown::ignore_file_size_signal().context("cannot handle signals")?;
        let reporting = Reporting {
            notifier: Arc::new(Notifier::from_environment()),
            output: output.clone(),
        };
        let built = async {
            let opened = Opened::read(args, state_dir, &identity).await?;
            build_device(args, file, identity, opened, compiler, sandbox, &reporting).await
        };
        let (device, store, control) = select! {
            built = built => built?,
            // Nothing has started.
            () = &mut shutdown => {
                output.stdout.line(QUITTING);
                return Ok(());
            }
        };
        let shutdown = async {
            shutdown.await;
            output.stdout.line(QUITTING);
            reporting.notifier.stopping();
        };
        let ended = device.run(shutdown).await;
        drop(control);
        // Waits until everything is written.
        drop(store);
        ended.map_err(|error| match error {
            DeviceError::Component(failure) => AppError::Start {
                path: file.clone(),
                failure: naming_settings(failure, &args.settings.set),
            },
            DeviceError::Rejected(rejected) => rejected.into(),
        })
    });
    // Tasks still running have nothing left to do.
    guests.shutdown_background();
    network.shutdown_background();
    result
}

/// Adds to the failure of a component's start which of its settings to correct.
fn naming_settings(failure: CallFailure, settings: &[(String, String)]) -> CallFailure {
    let CallFailure::Error(reason) = &failure else {
        return failure;
    };
    let is_named =
        |key: &str| reason.contains(&format!("{key:?}")) || key.len() > 3 && reason.contains(key);
    match settings.iter().find(|(key, _)| is_named(key)) {
        Some((key, _)) => failure.with_remedy(&format!("correct --set {key}=… (HOST_SET)")),
        None if settings.is_empty() => failure,
        None => failure.with_remedy("check its settings, --set (HOST_SET)"),
    }
}

/// Returns the time before which this device's clock cannot be right: that of the build, and of what is stored.
fn earliest_time(state: &DeviceState) -> Timestamp {
    let history = state.history.entries().iter().map(|entry| entry.time);
    let running = state.versions.running.iter().map(|running| running.since);
    history.chain(running).fold(build_time(), Timestamp::max)
}

/// Returns the compiler with its cache, and the sandbox that runs components on `guests`.
pub(crate) fn sandbox(
    args: &SandboxArgs,
    cache: Option<PathBuf>,
    guests: &Handle,
) -> Result<(Compiler, Sandbox), AppError> {
    let compiler = Compiler {
        program: THIS_PROGRAM.into(),
        cache,
        in_background: false,
    };
    let sandbox = Sandbox::new(args.limits.limits(), args.wasi.into(), guests.clone())
        .map_err(anyhow::Error::from)?;
    Ok((compiler, sandbox))
}

/// The storage of a device.
struct Storage {
    name: Arc<str>,
    /// State directory and store; `None` for an ephemeral device.
    on_disk: Option<(PathBuf, Store)>,
}

impl Storage {
    fn open(state_dir: Option<PathBuf>, name: Arc<str>) -> Result<Self, AppError> {
        let on_disk = match state_dir {
            None => None,
            Some(path) => {
                let store = Store::open(StateDir::open(&path)?)?;
                Some((path, store))
            }
        };
        Ok(Self { name, on_disk })
    }
}

/// The files of the machine that a device needs.
struct Opened {
    storage: Storage,
    trust_roots: Arc<TrustRoots>,
}

impl Opened {
    /// Reads them on a thread that may block: a disk that hangs must not keep the process from ending.
    async fn read(
        args: &RunArgs,
        state_dir: Option<PathBuf>,
        identity: &Identity,
    ) -> Result<Self, AppError> {
        let (name, ca) = (identity.device_id().into(), args.ca.clone());
        let reading = spawn_blocking(move || {
            Ok(Self {
                storage: Storage::open(state_dir, name)?,
                trust_roots: TrustRoots::read(ca.as_deref())?,
            })
        });
        reading.await.context("cannot read the state directory")?
    }
}

/// The receivers of what a device reports on this machine.
struct Reporting {
    notifier: Arc<Notifier>,
    output: DeviceOutput,
}

/// Builds the device, and starts everything that triggers swaps.
async fn build_device(
    args: &RunArgs,
    file: &Path,
    identity: Identity,
    opened: Opened,
    compiler: Compiler,
    sandbox: Sandbox,
    reporting: &Reporting,
) -> Result<
    (
        Device<Component, Connector>,
        Option<Store>,
        Option<ControlSocket>,
    ),
    AppError,
> {
    let Opened {
        mut storage,
        trust_roots,
    } = opened;
    let clock = Arc::new(SystemClock::new());
    let (persisted, backend) = match &mut storage.on_disk {
        Some((_, store)) => store.device(&storage.name),
        None => (
            PersistedState::default(),
            Box::new(MemoryBackend::default()) as _,
        ),
    };
    let mut store = DeviceStore::new(backend, persisted, args.retention.retention(), &*clock);
    let state_dir = storage.on_disk.as_ref().map(|(path, _)| &**path);
    let component_store = state_dir.map(ComponentStore::in_state_dir);
    let watch = args.watch.then(|| FileWatch::new(file));
    let limits = sandbox.limits().clone();
    let loader = Loader {
        compiler,
        sandbox,
        component_store,
    };
    let StartupVersion {
        component,
        steps,
        file_is_new,
    } = select_version(
        &loader,
        file,
        &args.settings.settings(),
        &mut store,
        &*clock,
    )
    .await?;
    let loader = loader.in_background();

    let (commands, swap_commands) = mpsc::channel(CHANNEL_CAPACITY);
    let (requests, device_requests) = mpsc::channel(CHANNEL_CAPACITY);
    let rollback_targets = store
        .state()
        .versions
        .rollback_targets()
        .map(str::to_owned)
        .collect();
    tokio::spawn(loader.clone().load_rollback_targets(
        rollback_targets,
        requests.clone(),
        clock.clone(),
    ));
    tokio::spawn(Preparer { loader }.run(swap_commands, requests.clone()));
    let triggers = FileTriggers { args, file };
    if file_is_new {
        // The channel is still empty.
        let _ = commands.try_send(SwapCommand::Swap(triggers.request(SwapSource::Start)));
    }
    triggers
        .spawn(&commands, watch)
        .context("cannot handle signals")?;
    if let Some(address) = args.metrics {
        let listener = metrics::listen(address).await.map_err(|error| {
            let text = format!(
                "cannot serve metrics at {address}: {error}; choose another address with --metrics"
            );
            SettingError::io(text, &error)
        })?;
        tokio::spawn(metrics::serve(
            listener,
            requests.clone(),
            reporting.output.clone(),
        ));
    }
    if let Some(every) = service::watchdog_interval() {
        let (requests, notifier) = (requests.clone(), reporting.notifier.clone());
        let clock = SystemClock::new();
        tokio::spawn(service::run_watchdog(requests, clock, every, move || {
            notifier.watchdog()
        }));
    }
    let control = state_dir.and_then(|path| serve_control(path, commands, requests));

    let (reporter, notifier) = (
        StdoutReporter::new(reporting.output.stdout.clone()),
        reporting.notifier.clone(),
    );
    let device = Device::new(DeviceConfig {
        name: storage.name,
        behaviour: component,
        swap: SwapConfig {
            requests: Some(device_requests),
            startup_steps: steps,
            probation: args.probation.probation(),
            report_host: args.report_host,
        },
        settings: args.settings.settings(),
        identity,
        transport: Connector::new(trust_roots),
        connection: ConnectionConfig {
            earliest_time: earliest_time(store.state()),
            ..args.connect.connecting()
        },
        store,
        clock,
        seed: None,
        limits,
        observer: Arc::new(move |event| {
            notifier.notify(&event);
            reporter.report(&event);
        }),
    });
    Ok((device, storage.on_disk.map(|(_, store)| store), control))
}

/// The triggers of swaps to the component's file.
struct FileTriggers<'a> {
    args: &'a RunArgs,
    file: &'a Path,
}

impl FileTriggers<'_> {
    fn request(&self, source: SwapSource) -> SwapRequest {
        SwapRequest {
            source,
            file: self.file.to_owned(),
            force: false,
            fresh_state: self.args.swap_policy.fresh_state,
            allow_model_change: self.args.swap_policy.allow_model_change,
            step_sender: None,
        }
    }

    /// Requests a swap at each SIGHUP, and at each change of the file if it is watched.
    fn spawn(
        &self,
        commands: &mpsc::Sender<SwapCommand>,
        watch: Option<FileWatch>,
    ) -> io::Result<()> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let (command, to) = (
            SwapCommand::Swap(self.request(SwapSource::Signal)),
            commands.clone(),
        );
        tokio::spawn(async move {
            while hang_up.recv().await.is_some() && to.send(command.clone()).await.is_ok() {}
        });
        if let Some(mut watch) = watch {
            let (command, to) = (
                SwapCommand::Swap(self.request(SwapSource::Watch)),
                commands.clone(),
            );
            tokio::spawn(async move {
                loop {
                    watch.changed().await;
                    if to.send(command.clone()).await.is_err() {
                        return;
                    }
                }
            });
        }
        Ok(())
    }
}

/// Serves the control socket. A device runs without it if need be.
fn serve_control(
    state_dir: &Path,
    commands: mpsc::Sender<SwapCommand>,
    requests: mpsc::Sender<DeviceRequest<Component>>,
) -> Option<ControlSocket> {
    let listening = ControlSocket::listen(state_dir).and_then(|mut control| {
        tokio::spawn(control.serve(commands, requests)?);
        Ok(control)
    });
    listening
        .inspect_err(|error| {
            tracing::error!(
                dir = %state_dir.display(), %error,
                "cannot listen on the control socket; `host swap`, `rollback` and `status` are unavailable"
            );
        })
        .ok()
}

pub(crate) fn runtime(name: &str, workers: usize) -> Result<Runtime, AppError> {
    machine::check_descriptors().with_context(|| format!("cannot start the {name} runtime"))?;
    let runtime = Builder::new_multi_thread()
        .thread_name(name)
        .worker_threads(workers)
        .enable_all()
        .build();
    Ok(runtime.with_context(|| format!("cannot start the {name} runtime"))?)
}
