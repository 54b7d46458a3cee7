//! The books on `cloud load`: what was acknowledged beside what is there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{cloud::Cloud, process::Process};

/// What `cloud load --json` says.
pub struct Load(pub Value);

impl Load {
    /// Runs `cloud load` with these arguments.
    ///
    /// # Panics
    /// The cloud did not bear it.
    pub fn run(cloud: &Cloud, arguments: &[&str]) -> Self {
        let answer = cloud.operate(&[&["load", "--json"], arguments].concat());
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        Self(answer.json())
    }

    /// Starts `cloud load` with these arguments.
    pub fn begin(cloud: &Cloud, arguments: &[&str]) -> Process {
        cloud.begin(&[&["load", "--json"], arguments].concat())
    }

    /// What one that was started says in the end.
    pub fn end(mut process: Process) -> Self {
        process.wait();
        let text = process.stdout.text();
        Self(serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
    }

    /// What the ids of its devices begin with.
    pub fn name(&self) -> String {
        self.0["name"].as_str().expect("a name").to_owned()
    }

    /// A count, such as `acknowledged`.
    pub fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().expect("a count")
    }

    /// The messages that were acknowledged and are not in the cloud, by device and number.
    ///
    /// # Panics
    /// Of a device there is more than it sent, or there is a gap.
    pub fn missing(&self, cloud: &Cloud) -> Vec<(String, u64)> {
        let stored = stored(cloud);
        let none = BTreeSet::new();
        let mut missing = Vec::new();
        for device in self.0["devices"].as_array().expect("the devices") {
            let id = device["id"].as_str().expect("an id");
            let numbers = stored.get(id).unwrap_or(&none);
            let sent = device["sent"].as_u64().expect("a count");
            let open = device["unacknowledged"].as_array().expect("numbers");
            let open: BTreeSet<_> = open.iter().filter_map(Value::as_u64).collect();
            let acknowledged = (1..=sent).filter(|number| !open.contains(number));
            let lost = acknowledged.filter(|number| !numbers.contains(number));
            missing.extend(lost.map(|number| (id.to_owned(), number)));
            let last = numbers.last().copied().unwrap_or(0);
            assert!(last <= sent, "{id} sent {sent}, not {last}");
            assert_eq!(numbers.len() as u64, last, "{id}: there is a gap");
        }
        missing
    }
}

/// The numbers of messages in the cloud, by device.
fn stored(cloud: &Cloud) -> BTreeMap<String, BTreeSet<u64>> {
    let mut stored = BTreeMap::<_, BTreeSet<_>>::new();
    for line in cloud.operate(&["events", "--json"]).stdout.lines() {
        let event: Value = serde_json::from_str(line).expect("it is JSON");
        if let Some(number) = event["body"]["sequence"].as_u64() {
            let device = event["device"].as_str().expect("an id").to_owned();
            let new = stored.entry(device).or_default().insert(number);
            assert!(new, "twice: {line}");
        }
    }
    stored
}
