//! The books on what `host history` says.

use jiff::Timestamp;
use serde_json::Value;

/// What `host history` says of the ends of probations.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    pub(crate) accepted: u64,
    pub(crate) rolled_back: u64,
    /// Queued messages and reports that went with their version.
    pub(crate) dropped: u64,
    /// Messages from the cloud that were handed to the version that goes on.
    pub(crate) redelivered: u64,
    batches: u64,
    /// The time of the last entry noted.
    until: Option<Timestamp>,
}

impl Undone {
    /// Notes the entries since the last time. More are kept than a round makes.
    pub(crate) fn note(&mut self, history: &[Value]) {
        let noted = self.until;
        for entry in history {
            let time: Timestamp = entry["time"]
                .as_str()
                .expect("a time")
                .parse()
                .expect("it is one");
            if Some(time) <= noted {
                continue;
            }
            self.until = Some(time);
            let count = |name: &str| entry[name].as_u64().unwrap_or(0);
            self.accepted += u64::from(entry["step"] == "accepted");
            self.rolled_back += u64::from(entry["step"] == "rolled-back");
            self.dropped += count("droppedMessages");
            self.redelivered += count("redeliveredMessages");
            self.batches += count("undoneBatches");
        }
    }
}
