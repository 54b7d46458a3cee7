//! Disks that are full, fail or lose what was written while the device runs.

mod deleted;
mod failing;
mod full;
mod power;

use std::time::Instant;

use end_to_end::{Cloud, Events, HostCommand, PATIENCE, Process, Volume, guest};
use serde_json::Value;

/// A device that counts its messages, whose state is on a file system of its own.
struct Site {
    cloud: Cloud,
    events: Events,
    volume: Volume,
}

impl Site {
    fn on(volume: Volume) -> Self {
        let cloud = Cloud::start();
        Self {
            events: cloud.events(),
            cloud,
            volume,
        }
    }

    fn host(&self) -> HostCommand {
        HostCommand::of(&guest("sequence"))
            .enrolled(&self.cloud, "s-1")
            .on(&self.volume)
            .set("interval", "20ms")
    }

    fn start(&self) -> Process {
        let mut host = self.host().start();
        host.stdout.wait_for("Listening");
        host
    }

    /// The number of messages so far.
    fn counted(&self) -> u64 {
        let reply = self.cloud.call(&["count"]);
        reply.payload.as_u64().expect("a number")
    }

    fn status(&self) -> Value {
        self.volume.operate(&["status", "--json"]).json()
    }

    /// The status of the store, once it is this.
    fn store_status(&self, what: &str, test: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status()["store"].take();
            if test(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "not {what}: {status}");
        }
    }
}

/// The number of lines with this text.
fn lines(host: &Process, text: &str) -> usize {
    let lines = host.stderr.lines();
    lines.iter().filter(|line| line.contains(text)).count()
}
