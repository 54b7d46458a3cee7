//! From options to a running device.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
};

use anyhow::Context;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    select,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    app::AppError,
    cli::{RunArgs, SandboxArgs},
    clock::SystemClock,
    config::{self, SettingError},
    device::{Device, DeviceError, Identity, Parts},
    guest::{Component, Sandbox, compile::Compiler},
    metrics,
    mqtt::{rumqtt::Rumqtt, tls},
    service::{self, Notifier},
    shutdown,
    store::{DeviceStore, Kept, Memory, StateDir, writer::Store},
    story::Story,
    swap::{
        self, Ask, Order, Source, Wish,
        control::Control,
        loader::Loader,
        prepare::Preparation,
        shelf::Shelf,
        start::{Beginning, begin},
        watch::Watch,
    },
};

/// This program, which also compiles: the very one that runs, even if another one has taken its file's place.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// Wishes and orders that may wait at a time.
const AT_A_TIME: usize = 16;

/// Runs a device until it is told to end.
pub(crate) fn run(args: &RunArgs) -> Result<(), AppError> {
    let file = args.component.as_ref().ok_or_else(|| {
        SettingError::new("no component is named; add --component FILE, such as `host --component thermostat.wasm`")
    })?;
    let identity = config::identity(args)?;
    // Two runtimes: a component that spins must not delay a keep-alive.
    let network = runtime("network", 2)?;
    let guests = runtime("guest", available_parallelism().map_or(2, usize::from))?;
    let (compiler, sandbox) = sandbox(&args.sandbox, guests.handle())?;
    let result = network.block_on(async {
        let shutdown = shutdown::listen().context("cannot listen for signals")?;
        tokio::pin!(shutdown);
        shutdown::outlive_full_files().context("cannot listen for signals")?;
        let notifier = Arc::new(Notifier::from_environment());
        let place = Place::take(args, &identity)?;
        let (device, store, control) = select! {
            parts = device(args, file, identity, place, compiler, sandbox, &notifier) => parts?,
            // Nothing has begun.
            () = &mut shutdown => return Ok(()),
        };
        let shutdown = async {
            shutdown.await;
            notifier.stopping();
        };
        let ended = device.run(shutdown).await;
        drop(control);
        // Only now everything is written.
        drop(store);
        ended.map_err(|error| match error {
            DeviceError::Component(failure) => AppError::Start {
                path: file.clone(),
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

/// Where components run, on `guests`, and what compiles them.
pub(crate) fn sandbox(
    args: &SandboxArgs,
    guests: &Handle,
) -> Result<(Compiler, Sandbox), AppError> {
    let compiler = Compiler {
        program: THIS_PROGRAM.into(),
        cache: config::cache_dir(&args.cache)?,
        in_background: false,
    };
    let sandbox = Sandbox::new(args.limits.limits(), args.wasi.into(), guests.clone())
        .map_err(anyhow::Error::from)?;
    Ok((compiler, sandbox))
}

/// Where a device is at home on disk; nowhere if it is ephemeral.
struct Place {
    name: Arc<str>,
    on_disk: Option<(PathBuf, Store)>,
}

impl Place {
    fn take(args: &RunArgs, identity: &Identity) -> Result<Self, AppError> {
        let name: Arc<str> = identity.device_id().into();
        let on_disk = match args.state.ephemeral {
            true => None,
            false => {
                let path = config::state_dir(args.state.state_dir.as_ref(), &name)?;
                let store = Store::open(StateDir::take(&path)?)?;
                Some((path, store))
            }
        };
        Ok(Self { name, on_disk })
    }
}

/// Puts the device together, with everything by which other versions come to it.
async fn device(
    args: &RunArgs,
    file: &Path,
    identity: Identity,
    mut place: Place,
    compiler: Compiler,
    sandbox: Sandbox,
    notifier: &Arc<Notifier>,
) -> Result<(Device<Component, Rumqtt>, Option<Store>, Option<Control>), AppError> {
    let tls = tls::client_config(args.ca.as_deref())?;
    let clock = Arc::new(SystemClock::new());
    let (kept, backend) = match &mut place.on_disk {
        Some((_, store)) => store.device(&place.name),
        None => (Kept::default(), Box::new(Memory::default()) as _),
    };
    let mut store = DeviceStore::new(backend, kept, args.retention.retention(), &*clock);
    let shelf = place.on_disk.as_ref().map(|(path, _)| Shelf::of(path));
    let watch = args.watch.then(|| Watch::new(file));
    let limits = sandbox.limits().clone();
    let loader = Loader {
        compiler,
        sandbox,
        shelf,
    };
    let Beginning {
        component,
        steps,
        file_is_new,
    } = begin(&loader, file, &mut store, &*clock).await?;
    let loader = loader.beside_a_device();

    let (wishes, to_prepare) = mpsc::channel(AT_A_TIME);
    let (orders, to_device) = mpsc::channel(AT_A_TIME);
    let earlier = store
        .saved()
        .versions
        .earlier()
        .map(str::to_owned)
        .collect();
    tokio::spawn(loader.clone().bring(earlier, orders.clone(), clock.clone()));
    tokio::spawn(Preparation { loader }.run(to_prepare, orders.clone()));
    let of_file = AsksForFile { args, file };
    if file_is_new {
        // The channel is empty still.
        let _ = wishes.try_send(Wish::Swap(of_file.ask(Source::Start)));
    }
    of_file
        .listen(&wishes, watch)
        .context("cannot listen for signals")?;
    if let Some(address) = args.metrics {
        let listener = metrics::listen(address).await.map_err(|error| {
            SettingError::new(format!(
                "cannot offer metrics at {address}: {error}; name another address with --metrics"
            ))
        })?;
        tokio::spawn(metrics::serve(listener, orders.clone()));
    }
    if let Some(every) = service::beat_interval() {
        let (orders, notifier) = (orders.clone(), notifier.clone());
        let clock = SystemClock::new();
        tokio::spawn(service::beat(orders, clock, every, move || {
            notifier.works()
        }));
    }
    let state_dir = place.on_disk.as_ref().map(|(path, _)| &**path);
    let control = state_dir.and_then(|path| control(path, wishes, orders));

    let (story, notifier) = (Story::default(), notifier.clone());
    let device = Device::new(Parts {
        name: place.name,
        behaviour: component,
        versions: swap::Parts {
            orders: Some(to_device),
            steps,
            probation: args.probation.probation(),
            report: args.report_host,
        },
        config: args.settings.settings(),
        identity,
        transport: Rumqtt::new(tls),
        connecting: args.connect.connecting(),
        store,
        clock,
        seed: None,
        limits,
        observer: Arc::new(move |milestone| {
            notifier.tell(&milestone);
            story.tell(&milestone);
        }),
    });
    Ok((device, place.on_disk.map(|(_, store)| store), control))
}

/// Asks for the component's file to take over.
struct AsksForFile<'a> {
    args: &'a RunArgs,
    file: &'a Path,
}

impl AsksForFile<'_> {
    fn ask(&self, source: Source) -> Ask {
        Ask {
            source,
            file: self.file.to_owned(),
            force: false,
            fresh_state: self.args.take.fresh_state,
            allow_model_change: self.args.take.allow_model_change,
            asker: None,
        }
    }

    /// Asks with each SIGHUP, and each time the file changes if it is watched.
    fn listen(&self, wishes: &mpsc::Sender<Wish>, watch: Option<Watch>) -> io::Result<()> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let (wish, to) = (Wish::Swap(self.ask(Source::Signal)), wishes.clone());
        tokio::spawn(async move {
            while hang_up.recv().await.is_some() && to.send(wish.clone()).await.is_ok() {}
        });
        if let Some(mut watch) = watch {
            let (wish, to) = (Wish::Swap(self.ask(Source::Watch)), wishes.clone());
            tokio::spawn(async move {
                loop {
                    watch.changed().await;
                    if to.send(wish.clone()).await.is_err() {
                        return;
                    }
                }
            });
        }
        Ok(())
    }
}

/// Listens for `host swap` and the like. A device does without, if need be.
fn control(
    state_dir: &Path,
    wishes: mpsc::Sender<Wish>,
    orders: mpsc::Sender<Order<Component>>,
) -> Option<Control> {
    let listening = Control::listen(state_dir).and_then(|mut control| {
        tokio::spawn(control.serve(wishes, orders)?);
        Ok(control)
    });
    listening
        .inspect_err(|error| {
            tracing::error!(
                dir = %state_dir.display(), %error,
                "cannot listen on the control socket; `host swap`, `rollback` and `status` will not reach this host"
            );
        })
        .ok()
}

pub(crate) fn runtime(name: &str, workers: usize) -> Result<Runtime, AppError> {
    let runtime = Builder::new_multi_thread()
        .thread_name(name)
        .worker_threads(workers)
        .enable_all()
        .build();
    Ok(runtime.with_context(|| format!("cannot start the {name} threads"))?)
}
