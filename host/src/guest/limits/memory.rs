//! The memory limit of one instance: all its memories and tables together.

use wasmtime::ResourceLimiter;

use super::Limits;
use crate::units::format_bytes;

/// Keeps one instance's memory within its limits, however many memories and tables it has; an allocation beyond them, or
/// one this machine cannot make, stops the call, because a component that is refused memory mostly aborts without a word.
pub(in crate::guest) struct MemoryLimit {
    /// The bytes left.
    memory: usize,
    /// The table elements left.
    table_elements: usize,
    max_memory: usize,
    max_table_elements: usize,
    instances: usize,
}

/// The error of an allocation beyond the limit.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::guest) struct OutOfMemory(String);

impl MemoryLimit {
    /// Returns the bytes of all memories together.
    pub(in crate::guest) fn used(&self) -> usize {
        self.max_memory - self.memory
    }
}

impl From<&Limits> for MemoryLimit {
    fn from(limits: &Limits) -> Self {
        Self {
            memory: limits.memory,
            table_elements: limits.table_elements,
            max_memory: limits.memory,
            max_table_elements: limits.table_elements,
            instances: limits.instances,
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
        let Some(left) = self.memory.checked_sub(desired.saturating_sub(current)) else {
            let most = format_bytes(self.max_memory as u64);
            return Err(OutOfMemory(format!("requested more than {most} of memory")).into());
        };
        self.memory = left;
        Ok(true)
    }

    /// Fails the call: granted memory is counted, and an instance that goes on could not return it.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let Some(left) = self.table_elements.checked_sub(growth) else {
            let most = self.max_table_elements;
            return Err(OutOfMemory(format!("requested more than {most} table elements")).into());
        };
        self.table_elements = left;
        Ok(true)
    }

    /// See [`memory_grow_failed`](Self::memory_grow_failed).
    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_and_all_tables_of_an_instance_count_together() {
        let limits = Limits {
            memory: 100,
            table_elements: 10,
            ..Limits::default()
        };
        let mut limit = MemoryLimit::from(&limits);
        assert!(limit.memory_growing(0, 40, None).unwrap());
        assert!(limit.memory_growing(0, 40, None).unwrap(), "another one");
        assert!(limit.memory_growing(40, 60, None).unwrap(), "it grows");
        assert!(limit.memory_growing(0, 1, None).is_err());
        assert!(limit.table_growing(0, 5, None).unwrap());
        assert!(limit.table_growing(0, 5, None).unwrap());
        assert!(limit.table_growing(5, 6, None).is_err());
    }
}
