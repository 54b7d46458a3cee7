//! The data of one instance's store: the host's half of a component.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rand::{SeedableRng, rngs::StdRng};
use wasmtime::{UpdateDeadline, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::{
    engine::TICK,
    imports::wasi,
    limits::{Limits, MemoryLimit},
    log_budget::LogBudget,
};
use crate::{
    clock::Clock,
    device::{behaviour::InstanceContext, effect::Effect},
    store::OutboxQuota,
    units::format_duration,
};

/// The ticks of a call before it yields: behind a hundred calls that spin, a call that needs a few more microseconds would
/// otherwise wait for a slice of each, just because a tick came in between.
const FRESH_TICKS: u32 = 5;

/// The host's half of one instance.
pub(super) struct InstanceState {
    pub(super) limits: Arc<Limits>,
    pub(super) memory: MemoryLimit,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: StdRng,
    pub(super) log: Arc<Mutex<LogBudget>>,
    pub(super) staging: Staging,
    pub(super) outbox_quota: Option<Arc<OutboxQuota>>,
    slices: u32,
    yielded: Arc<AtomicBool>,
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
    pub(super) fn new(limits: Arc<Limits>, context: InstanceContext) -> Self {
        let log = Arc::new(Mutex::new(LogBudget::new(&limits, context.device)));
        let mut random = match context.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => rand::make_rng(),
        };
        let wasi = wasi::context(&context.clock, &mut random, &log);
        Self {
            memory: MemoryLimit::from(&*limits),
            limits,
            clock: context.clock,
            random,
            log,
            staging: Staging::Forbidden,
            outbox_quota: context.outbox_quota,
            slices: 0,
            yielded: Arc::default(),
            wasi,
            table: ResourceTable::new(),
        }
    }

    /// Starts a call: a new CPU budget, and no staged effects.
    pub(super) fn begin(&mut self, staging: Staging) {
        self.slices = 0;
        self.staging = staging;
    }

    /// Ends a call's staging and returns its effects.
    pub(super) fn take_staged(&mut self) -> Vec<Effect> {
        match std::mem::replace(&mut self.staging, Staging::Forbidden) {
            Staging::Open(effects) => effects,
            Staging::Forbidden => Vec::new(),
        }
    }

    /// Returns the flag of a call that has yielded at a tick, as opposed to one that waits.
    pub(super) fn yielded(&self) -> Arc<AtomicBool> {
        self.yielded.clone()
    }

    /// Handles a tick during a call: after [`FRESH_TICKS`] the call yields to others, until its CPU time is used up.
    pub(super) fn on_tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.slices += 1;
        if TICK * self.slices > self.limits.cpu {
            wasmtime::bail!(
                "used more than {} of CPU time in one call",
                format_duration(self.limits.cpu)
            );
        }
        if self.slices <= FRESH_TICKS {
            return Ok(UpdateDeadline::Continue(1));
        }
        self.yielded.store(true, Ordering::Relaxed);
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
