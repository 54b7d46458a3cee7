//! What one instance's store holds: the host's half of a component.

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
    amount::show_time,
    clock::Clock,
    device::{behaviour::Surroundings, effect::Effect},
    store::Room,
};

/// Ticks a call may live through before it gives way: behind a hundred that compute for ever, one that has a few
/// microseconds to go would otherwise wait for a slice of each, just because a tick came in between.
const FRESH: u32 = 5;

/// The host's half of one instance.
pub(super) struct State {
    pub(super) limits: Arc<Limits>,
    pub(super) memory: MemoryLimit,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: StdRng,
    pub(super) log: Arc<Mutex<LogBudget>>,
    pub(super) staging: Staging,
    pub(super) room: Option<Arc<Room>>,
    slices: u32,
    yielded: Arc<AtomicBool>,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// Whether the call in hand may stage effects.
pub(super) enum Staging {
    /// It may not: `describe` and `save`.
    Refused,
    /// What it has staged so far.
    Open(Vec<Effect>),
}

impl State {
    pub(super) fn new(limits: Arc<Limits>, surroundings: Surroundings) -> Self {
        let log = Arc::new(Mutex::new(LogBudget::new(&limits, surroundings.device)));
        let mut random = match surroundings.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => rand::make_rng(),
        };
        let wasi = wasi::context(&surroundings.clock, &mut random, &log);
        Self {
            memory: MemoryLimit::from(&*limits),
            limits,
            clock: surroundings.clock,
            random,
            log,
            staging: Staging::Refused,
            room: surroundings.room,
            slices: 0,
            yielded: Arc::default(),
            wasi,
            table: ResourceTable::new(),
        }
    }

    /// Begins a call: a new CPU budget, and nothing staged.
    pub(super) fn begin(&mut self, staging: Staging) {
        self.slices = 0;
        self.staging = staging;
    }

    /// Ends a call's staging and returns what it staged.
    pub(super) fn take_staged(&mut self) -> Vec<Effect> {
        match std::mem::replace(&mut self.staging, Staging::Refused) {
            Staging::Open(effects) => effects,
            Staging::Refused => Vec::new(),
        }
    }

    /// Set while a call has given way at a tick, and not because it waits for something.
    pub(super) fn yielded(&self) -> Arc<AtomicBool> {
        self.yielded.clone()
    }

    /// Called at each tick a call lives through: unless it is fresh, it gives way to others, until its CPU time is used up.
    pub(super) fn on_tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.slices += 1;
        if TICK * self.slices > self.limits.cpu {
            wasmtime::bail!(
                "it used more than {} of CPU time in one call",
                show_time(self.limits.cpu)
            );
        }
        if self.slices <= FRESH {
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

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}
