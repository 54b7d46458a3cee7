//! What the cloud says devices did.

use serde_json::Value;

use crate::process::Process;

/// The events of a cloud, from its start on, in order and none left out: `cloud events --follow --json`.
pub struct Events {
    process: Process,
}

impl Events {
    pub(crate) fn of(process: Process) -> Self {
        Self { process }
    }

    /// Waits for the next event that `test` makes something of. `what` is for the message of a failure.
    ///
    /// # Panics
    /// There is none in time.
    pub fn find<T>(&mut self, what: &str, mut test: impl FnMut(&Value) -> Option<T>) -> T {
        self.process.stdout.find(what, |line| test(&parsed(line)))
    }

    /// Lets the next search begin with the first event.
    pub fn search_anew(&mut self) {
        self.process.stdout.begin_again();
    }

    /// Waits for the next event of this type, such as `telemetry`, and leaves out others.
    pub fn next(&mut self, kind: &str) -> Value {
        self.find(kind, |event| (event["type"] == kind).then(|| event.clone()))
    }

    /// Waits for the next report of the property of this name, and returns what was reported.
    pub fn reported(&mut self, property: &str) -> Value {
        self.find(&format!("report of {property}"), |event| {
            event["patch"].get(property).cloned()
        })
    }

    /// How often devices have connected so far.
    pub fn connections(&self) -> usize {
        let seen = self.seen();
        let connected = seen.iter().filter(|event| event["type"] == "connected");
        connected.count()
    }

    /// All events so far, from the first.
    pub fn seen(&self) -> Vec<Value> {
        let lines = self.process.stdout.lines();
        lines.iter().map(|line| parsed(line)).collect()
    }
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
