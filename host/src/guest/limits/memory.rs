//! The memory of one instance.

use wasmtime::ResourceLimiter;

use super::Limits;
use crate::amount::show_bytes;

/// Keeps one instance's memory within its limits; an allocation beyond them stops the call, because a component that is
/// refused memory mostly aborts without a word.
pub(in crate::guest) struct MemoryLimit {
    memory: usize,
    /// What it has, all its memories together.
    used: usize,
    table_elements: usize,
    parts: usize,
}

impl MemoryLimit {
    pub(in crate::guest) fn used(&self) -> usize {
        self.used
    }
}

impl From<&Limits> for MemoryLimit {
    fn from(limits: &Limits) -> Self {
        Self {
            memory: limits.memory,
            used: 0,
            table_elements: limits.table_elements,
            parts: limits.parts,
        }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.memory {
            let most = show_bytes(self.memory as u64);
            wasmtime::bail!("it wanted more than {most} of memory");
        }
        self.used = used;
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
