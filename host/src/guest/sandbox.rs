//! The sandbox of components, and the check that a component fits.

use std::{fs::File, future::Future, sync::Arc};

use tokio::{runtime::Handle, task::AbortHandle};
use tracing::Instrument;
use wasmtime::{
    Engine, Store,
    component::{ComponentExportIndex, ComponentType, InstancePre, Linker, Lower, TypedFunc},
};

use super::{
    bindings::{Device, DeviceIndices},
    compile::Image,
    engine::{EpochTicker, TickGuard, engine},
    failure::add_last_words,
    imports::wasi,
    instance_state::InstanceState,
    limits::Limits,
    log_stream::LogStream,
    remedy::{is_offered_wasi, of_imports, of_limit},
};
use crate::{contract::behaviour::CallFailure, units::format_duration};

/// The sandbox in which components run: one for all devices of a process.
#[derive(Clone)]
pub struct Sandbox(Arc<SandboxInner>);

struct SandboxInner {
    engine: Engine,
    linker: Linker<InstanceState>,
    ticker: EpochTicker,
    limits: Arc<Limits>,
    wasi: Wasi,
    /// Runs the calls. Not the runtime of the network: a hundred components that spin must not delay a keep-alive.
    runtime: Handle,
}

/// The policy for components that import WASI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wasi {
    /// WASI is provided, without files, network or environment; output goes to the log.
    #[default]
    LogOnly,
    /// WASI is not provided.
    None,
}

/// The WIT world of a component: the names of its interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// The imports.
    pub imports: Vec<String>,
    /// The exports.
    pub exports: Vec<String>,
}

/// The error of a component that does not fit this host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncompatibleError {
    /// It imports an unknown interface, or lacks a required export. The text ends with the remedy.
    #[error("incompatible world: {0}")]
    World(String),
    /// An import or export has another type.
    #[error("incompatible contract: {0}; build it against the contract of this host (wit/)")]
    Shape(String),
    /// Its `describe` failed, or returned an invalid description.
    #[error("describe failed: {}{}", .0.reason(), of_limit(.0))]
    Describe(CallFailure),
}

const BEHAVIOUR: &str = "pnp:device/behaviour@0.1.0";
const MESSAGES: &str = "pnp:device/messages@0.1.0";
/// Interfaces a component may import, without their versions.
const OFFERED: [&str; 5] = [
    "pnp:device/clock",
    "pnp:device/hub",
    "pnp:device/log",
    "pnp:device/random",
    "pnp:device/timers",
];

impl Sandbox {
    /// Makes the engine and everything a component may import. Calls run on `runtime`.
    pub fn new(limits: Limits, wasi: Wasi, runtime: Handle) -> wasmtime::Result<Self> {
        let engine = engine()?;
        let mut linker = Linker::new(&engine);
        Device::add_to_linker::<_, wasmtime::component::HasSelf<_>>(
            &mut linker,
            |state: &mut InstanceState| state,
        )?;
        if wasi == Wasi::LogOnly {
            wasi::add_to_linker(&mut linker)?;
        }
        let ticker = EpochTicker::start(&engine)?;
        Ok(Self(Arc::new(SandboxInner {
            engine,
            linker,
            ticker,
            limits: Arc::new(limits),
            wasi,
            runtime,
        })))
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Returns the limits of components.
    #[must_use]
    pub fn limits(&self) -> &Arc<Limits> {
        &self.0.limits
    }

    /// Returns the imports and exports of a compiled component.
    #[must_use]
    pub fn world(&self, image: &Image) -> World {
        let (engine, ty) = (&self.0.engine, image.loaded.component.component_type());
        World {
            imports: ty
                .imports(engine)
                .map(|(name, _)| name.to_owned())
                .collect(),
            exports: ty
                .exports(engine)
                .map(|(name, _)| name.to_owned())
                .collect(),
        }
    }

    /// Checks that a compiled component fits this host, and binds its imports.
    pub fn prepare(&self, image: &Image) -> Result<PreparedComponent, IncompatibleError> {
        let World { imports, exports } = self.world(image);
        let (image_file, image) = (image.loaded.file.clone(), &image.loaded.component);
        let mut wrong = Vec::new();
        let missing: Vec<_> = imports
            .into_iter()
            .filter(|name| !self.offers(name))
            .collect();
        let mut remedy = of_imports(&missing);
        if !missing.is_empty() {
            // These are missing because of the option.
            if missing.iter().all(|name| is_offered_wasi(name)) {
                remedy = "run the host with --wasi log-only, or build the component without WASI"
                    .to_owned();
            }
            wrong.push(format!(
                "imports {}, which this host does not provide",
                missing.join(", ")
            ));
        }
        if !exports.iter().any(|name| name == BEHAVIOUR) {
            let others = if exports.is_empty() {
                "nothing".to_owned()
            } else {
                exports.join(", ")
            };
            wrong.push(format!("does not export {BEHAVIOUR}, but {others}"));
        }
        if !wrong.is_empty() {
            let wrong = wrong.join("; ");
            return Err(IncompatibleError::World(format!("{wrong}; {remedy}")));
        }
        let shape = |error: wasmtime::Error| IncompatibleError::Shape(format!("{error:#}"));
        let pre = self.0.linker.instantiate_pre(image).map_err(shape)?;
        let indices = DeviceIndices::new(&pre).map_err(shape)?;
        let on_message = image
            .get_export_index(None, MESSAGES)
            .and_then(|messages| image.get_export_index(Some(&messages), "on-message"));
        Ok(PreparedComponent {
            _image_file: image_file,
            sandbox: self.clone(),
            pre,
            indices,
            on_message,
        })
    }

    fn offers(&self, import: &str) -> bool {
        let interface = import.split('@').next().unwrap_or(import);
        let wasi = self.0.wasi == Wasi::LogOnly && is_offered_wasi(import);
        wasi || OFFERED.contains(&interface)
    }
}

/// A compiled component that fits this host, its imports bound and its exports found.
pub struct PreparedComponent {
    sandbox: Sandbox,
    /// Keeps the image in the cache.
    _image_file: Option<Arc<File>>,
    pre: InstancePre<InstanceState>,
    indices: DeviceIndices,
    on_message: Option<ComponentExportIndex>,
}

/// The `messages` export, which a component may lack.
pub(super) type OnMessage = TypedFunc<(WitMessage,), (Result<(), String>,)>;

/// A cloud-to-device message as the contract has it.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct WitMessage {
    pub(super) body: Vec<u8>,
    pub(super) properties: Vec<(String, String)>,
}

impl PreparedComponent {
    /// Returns whether it takes cloud-to-device messages.
    pub(super) fn takes_messages(&self) -> bool {
        self.on_message.is_some()
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.sandbox.0.engine
    }

    pub(super) fn limits(&self) -> &Arc<Limits> {
        &self.sandbox.0.limits
    }

    /// Keeps the epoch advancing while a call runs.
    pub(super) fn tick_guard(&self) -> TickGuard<'_> {
        self.sandbox.0.ticker.tick_guard()
    }

    pub(super) async fn instantiate(
        &self,
        mut store: &mut Store<InstanceState>,
    ) -> wasmtime::Result<(Device, Option<OnMessage>)> {
        let instance = self.pre.instantiate_async(&mut store).await?;
        let device = self.indices.load(&mut store, &instance)?;
        let on_message = match &self.on_message {
            Some(index) => Some(instance.get_typed_func(&mut store, index)?),
            None => None,
        };
        Ok((device, on_message))
    }

    /// Runs calls into an instance where guests run, for at most the wall time of one call. `stderr` is the instance's, if
    /// there is one yet.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        stderr: Option<LogStream>,
        calls: impl Future<Output = Result<T, CallFailure>> + Send + 'static,
    ) -> Result<T, CallFailure> {
        let wall = self.limits().wall;
        let task = self.sandbox.0.runtime.spawn(calls.in_current_span());
        let _stop = StopOnDrop(task.abort_handle());
        match tokio::time::timeout(wall, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(failed)) => Err(CallFailure::Trap(format!(
                "the host failed during the call: {failed}"
            ))),
            Err(_) => {
                let mut reason = format!("took longer than {} in one call", format_duration(wall));
                let last_words = stderr.and_then(|stderr| stderr.end());
                add_last_words(&mut reason, last_words.as_deref());
                Err(CallFailure::Trap(reason))
            }
        }
    }
}

/// A call nobody waits for any more is dropped at its next tick.
struct StopOnDrop(AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
