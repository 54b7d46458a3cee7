//! The engine all devices of a process share, and the tick that interrupts long calls.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use wasmtime::{Config, Engine, EngineWeak};

/// The time between two epoch ticks: the slice of CPU time after which a call yields.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Address space behind a memory, in bytes, which takes no memory. A memory that grows beyond it is copied, and growing
/// takes CPU time of the call: many toolchains grow by 64 KiB at a time.
const GROWTH_RESERVATION: u64 = 16 << 20;
/// Frames in the backtrace of a trap: enough to get past those of a panic.
const MAX_FRAMES: Option<NonZeroUsize> = NonZeroUsize::new(32);

/// The one configuration of compiler and runtime; an image made under another one is not loaded.
///
/// Backtraces name functions and no offsets in them: an address map makes images a tenth larger.
///
/// The settings suit many small instances: little is reserved ahead, so that their number is bounded by memory and not
/// by the kernel's limit on mappings (four for each instance; a default engine ends at about 9,000 instances).
pub(super) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .memory_reservation(0)
        .memory_reservation_for_growth(GROWTH_RESERVATION)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_init_cow(false)
        .generate_address_map(false)
        .wasm_backtrace_max_frames(MAX_FRAMES);
    Engine::new(&config)
}

/// Advances the engine's epoch while a call runs, from a thread of its own, because a call that loops would also block
/// a tick that needs its runtime.
pub(super) struct EpochTicker {
    shared: Arc<TickerState>,
    thread: Thread,
}

#[derive(Default)]
struct TickerState {
    running: AtomicUsize,
    closed: AtomicBool,
}

/// A guard of a running call. The epoch advances until the last guard is dropped.
pub(super) struct TickGuard<'a>(&'a TickerState);

impl EpochTicker {
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(TickerState::default());
        let (weak, seen) = (engine.weak(), shared.clone());
        let thread = thread::Builder::new()
            .name("epoch".to_owned())
            .spawn(move || tick(&weak, &seen))?;
        Ok(Self {
            shared,
            thread: thread.thread().clone(),
        })
    }

    pub(super) fn tick_guard(&self) -> TickGuard<'_> {
        if self.shared.running.fetch_add(1, Ordering::SeqCst) == 0 {
            self.thread.unpark();
        }
        TickGuard(&self.shared)
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for TickGuard<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(engine: &EngineWeak, shared: &TickerState) {
    while !shared.closed.load(Ordering::SeqCst) {
        if shared.running.load(Ordering::SeqCst) == 0 {
            thread::park();
            continue;
        }
        thread::sleep(TICK);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}
