//! Every bound on a component, with its reason, in one place.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one component may take. The defaults suit a device that samples and answers; every number is a choice a person
/// may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, in bytes. A Rust component uses about 1 MB, a Python one 40 MB.
    pub memory: usize,
    /// Table elements of one instance: function pointers, which live outside linear memory.
    pub table_elements: usize,
    /// Memories, tables and core instances of one component each; components from any toolchain stay far below.
    pub parts: usize,
    /// CPU time of one call. Exports are meant to take microseconds; a second is a loop without end.
    pub cpu: Duration,
    /// Wall time of one call, which bounds what a busy machine adds to `cpu`.
    pub wall: Duration,
    /// Messages, reports and timers staged in one call.
    pub effects: usize,
    /// Timers of one device.
    pub timers: usize,
    /// Record, in bytes: it is written with every batch.
    pub record: usize,
    /// Response of a command, in bytes; what IoT Hub takes.
    pub reply: usize,
    /// What one call into the host may carry, in bytes, before the host allocates for it.
    pub hostcall: usize,
    /// Length of a log line, in bytes; the rest is cut off.
    pub log_line: usize,
    /// Log lines per second; further ones are counted.
    pub log_lines_per_second: u32,
    /// Size of the component's file, in bytes.
    pub component: u64,
    /// Wall time of a compilation. A component of 3 MB has taken 75 s.
    pub compile_time: Duration,
    /// Address space of the compiler, in bytes. A component of 3 MB has taken 1.36 GB.
    pub compile_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            table_elements: 100_000,
            parts: 100,
            cpu: Duration::from_secs(1),
            wall: Duration::from_secs(5),
            effects: 256,
            timers: 64,
            record: 64 << 10,
            reply: 128 << 10,
            hostcall: 1 << 20,
            log_line: 4 << 10,
            log_lines_per_second: 100,
            component: 64 << 20,
            compile_time: Duration::from_secs(120),
            compile_memory: 4 << 30,
        }
    }
}

/// Keeps one instance's memory within its limits; an allocation beyond them stops the call, because a component that is
/// refused memory mostly aborts without a word.
pub(super) struct MemoryLimit {
    memory: usize,
    table_elements: usize,
    parts: usize,
}

impl From<&Limits> for MemoryLimit {
    fn from(limits: &Limits) -> Self {
        Self {
            memory: limits.memory,
            table_elements: limits.table_elements,
            parts: limits.parts,
        }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.memory {
            wasmtime::bail!("it wanted more than {} MiB of memory", self.memory >> 20);
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            wasmtime::bail!("it wanted more than {} table elements", self.table_elements);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.parts
    }

    fn tables(&self) -> usize {
        self.parts
    }

    fn memories(&self) -> usize {
        self.parts
    }
}
