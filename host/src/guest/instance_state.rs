//! The data of one instance's store: the host's half of a component.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{SeedableRng, rngs::StdRng};
use wasmtime::{UpdateDeadline, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::{
    bindings::pnp::device::log::Level,
    call_meter::CallMeter,
    failure::call_failure,
    imports::wasi,
    limits::{Limits, MemoryLimit},
    log_budget::{LogBudget, LogName},
    log_stream::LogStream,
};
use crate::{
    clock::Clock,
    contract::{
        OutboxQuota,
        behaviour::{CallFailure, InstanceContext},
        effect::Effect,
    },
    units::format_duration,
};

/// The ticks of a call before it yields: behind a hundred calls that spin, a call that needs a few more microseconds would
/// otherwise wait for a slice of each, just because a tick came in between.
const FRESH_TICKS: u32 = 5;
/// The most WASI resources of one instance, such as streams and pollables. The host holds them, outside its memory limit.
const MAX_RESOURCES: usize = 10_000;

/// The host's half of one instance.
pub(super) struct InstanceState {
    pub(super) limits: Arc<Limits>,
    pub(super) memory: MemoryLimit,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: StdRng,
    pub(super) log: Arc<Mutex<LogBudget>>,
    pub(super) staging: Staging,
    pub(super) outbox_quota: Option<Arc<OutboxQuota>>,
    ticks: u32,
    meter: Arc<CallMeter>,
    stdout: LogStream,
    stderr: LogStream,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// The staging of effects in the current call.
pub(super) enum Staging {
    /// Staging is forbidden: `describe` and `save`.
    Forbidden,
    /// The effects staged so far.
    Open(Vec<Effect>),
}

impl InstanceState {
    pub(super) fn new(limits: Arc<Limits>, context: InstanceContext, name: LogName) -> Self {
        let log = Arc::new(Mutex::new(LogBudget::new(&limits, context.device, name)));
        let stdout = LogStream::new(&log, Level::Info);
        let stderr = LogStream::new(&log, Level::Warn);
        let mut random = match context.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => rand::make_rng(),
        };
        let wasi = wasi::context(&limits, &context.clock, &mut random, (&stdout, &stderr));
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Self {
            memory: MemoryLimit::from(&*limits),
            limits,
            clock: context.clock,
            random,
            log,
            staging: Staging::Forbidden,
            outbox_quota: context.outbox_quota,
            ticks: 0,
            meter: Arc::default(),
            stdout,
            stderr,
            wasi,
            table,
        }
    }

    /// Starts a call: a new CPU budget, no staged effects, and no last words.
    pub(super) fn begin(&mut self, staging: Staging) {
        self.ticks = 0;
        self.meter.reset();
        self.stderr.begin_call();
        self.staging = staging;
    }

    /// Ends a call's staging and returns its effects.
    pub(super) fn take_staged(&mut self) -> Vec<Effect> {
        match std::mem::replace(&mut self.staging, Staging::Forbidden) {
            Staging::Open(effects) => effects,
            Staging::Forbidden => Vec::new(),
        }
    }

    /// Returns the meter of the current call.
    pub(super) fn meter(&self) -> Arc<CallMeter> {
        self.meter.clone()
    }

    /// Returns the standard error stream.
    pub(super) fn stderr(&self) -> &LogStream {
        &self.stderr
    }

    /// Ends the instance after a trap, and describes it.
    pub(super) fn fail(&self, error: &wasmtime::Error) -> CallFailure {
        self.stdout.end();
        call_failure(error, self.stderr.end().as_deref())
    }

    /// Handles a tick during a call: after [`FRESH_TICKS`] the call yields to others, until its CPU time is used up.
    pub(super) fn on_tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.ticks += 1;
        if self.meter.used() > self.limits.cpu {
            wasmtime::bail!(
                "used more than {} of CPU time in one call",
                format_duration(self.limits.cpu)
            );
        }
        if self.ticks <= FRESH_TICKS {
            return Ok(UpdateDeadline::Continue(1));
        }
        self.meter.yields();
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    }

    pub(super) fn log(&self) -> std::sync::MutexGuard<'_, LogBudget> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}
