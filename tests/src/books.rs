//! The books on a device that numbers its messages in runs, one from each swap to the next: the component `storm`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Events;

/// The record of the component `storm`.
pub struct Record {
    /// The last number.
    pub count: u64,
    /// Id and first number of each run, in order.
    pub runs: Vec<(u64, u64)>,
    /// The numbers of messages from the cloud that are counted, as ranges.
    pub messages: Value,
}

impl Record {
    /// Reads what the command `state` answers.
    ///
    /// # Panics
    /// It is none.
    pub fn of(record: &Value) -> Self {
        let number = |value: &Value| value.as_u64().expect("a number");
        let runs = record["runs"].as_array().expect("the runs");
        Self {
            count: number(&record["count"]),
            runs: runs
                .iter()
                .map(|run| (number(&run[0]), number(&run[1])))
                .collect(),
            messages: record["messages"].clone(),
        }
    }

    /// The run each number up to the last belongs to.
    fn numbers(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let run = |number: &u64| {
            let begun = self.runs.iter().rfind(|(_, first)| first <= number);
            begun.expect("the first run begins with 1").0
        };
        (1..=self.count).map(move |number| (run(&number), number))
    }
}

/// What has arrived of the component `storm`.
#[derive(Default)]
pub struct Books {
    /// How many messages came more than once.
    pub twice: usize,
    /// The message each number of a run came with.
    messages: BTreeMap<(u64, u64), Value>,
}

impl Books {
    /// # Panics
    /// The number came with another message before: the host has lost a record it had sent messages of.
    fn enter(&mut self, event: &Value) -> Option<(u64, u64)> {
        let body = &event["body"];
        let number = (body["run"].as_u64()?, body["sequence"].as_u64()?);
        let message = &event["messageId"];
        let first = self
            .messages
            .entry(number)
            .or_insert_with(|| message.clone());
        assert_eq!(first, message, "{body} came with another message");
        Some(number)
    }

    /// Waits until all numbers have arrived that led to this record.
    ///
    /// # Panics
    /// One has not, in time.
    pub fn complete(&mut self, events: &mut Events, record: &Record) {
        let numbers = record.numbers();
        let mut missing: BTreeSet<_> = numbers
            .filter(|number| !self.messages.contains_key(number))
            .collect();
        if missing.is_empty() {
            return;
        }
        let what = format!("{} numbers from {:?} on", missing.len(), missing.first());
        events.find(&what, |event| {
            let seen = self.messages.len();
            if let Some(number) = self.enter(event) {
                self.twice += usize::from(self.messages.len() == seen);
                missing.remove(&number);
            }
            missing.is_empty().then_some(())
        });
    }

    /// How many numbers of versions that were rolled back are missing between those that arrived.
    pub fn missing_of_withdrawn(&self, record: &Record) -> u64 {
        let stays = |run: u64| record.runs.iter().any(|(id, _)| *id == run);
        let mut withdrawn = BTreeMap::<_, BTreeSet<_>>::new();
        for (run, number) in self.messages.keys().filter(|(run, _)| !stays(*run)) {
            withdrawn.entry(run).or_default().insert(*number);
        }
        let missing = withdrawn.values().map(|numbers| {
            let [first, last] =
                [numbers.first(), numbers.last()].map(|it| it.expect("it has some"));
            last - first + 1 - numbers.len() as u64
        });
        missing.sum()
    }
}
