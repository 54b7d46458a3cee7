//! What a process holds of its machine.

use std::{fs, path::Path};

use crate::process::Process;

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    /// Resident memory, in KiB.
    pub memory: u64,
    /// Open files and sockets.
    pub descriptors: usize,
    /// Threads.
    pub threads: u64,
    /// Processes it has started.
    pub processes: usize,
    /// Of its directory, in bytes.
    pub disk: u64,
}

impl Holdings {
    /// What `process` holds, and what is in its directory.
    pub fn of(process: &Process, directory: &Path) -> Self {
        let proc = format!("/proc/{}", process.id());
        let status = fs::read_to_string(format!("{proc}/status")).expect("it runs");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number
                .and_then(|number| number.parse().ok())
                .expect("a number")
        };
        let descriptors = fs::read_dir(format!("{proc}/fd")).expect("it runs");
        Self {
            memory: field("VmRSS:"),
            descriptors: descriptors.count(),
            threads: field("Threads:"),
            processes: process.descendants().len(),
            disk: bytes(directory),
        }
    }

    /// Whether it is no more than before, but for what comes and goes.
    ///
    /// # Panics
    /// It is more.
    pub fn is_no_more_than(&self, early: &Self) {
        assert!(self.memory < early.memory + early.memory / 5, "memory");
        // A connection of a command may not be closed yet.
        assert!(self.descriptors <= early.descriptors + 1, "descriptors");
        assert!(self.threads <= early.threads + 2, "threads");
        assert!(self.processes <= early.processes, "processes");
        assert!(self.disk <= early.disk + early.disk / 2, "disk");
    }
}

/// How much the files in a folder and its folders are together. One may go meanwhile.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("it can be read");
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
