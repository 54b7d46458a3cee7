//! The books on a device that sends numbers: the component `sequence`.

use std::collections::HashMap;

use serde_json::Value;

use crate::Events;

/// What has arrived of a device that sends numbers.
#[derive(Default)]
pub struct Numbers {
    /// How many messages came more than once.
    pub twice: usize,
    /// The highest number.
    pub highest: u64,
    /// The message each number came with.
    messages: HashMap<u64, Value>,
}

impl Numbers {
    fn enter(&mut self, number: u64, message: &Value) {
        self.highest = self.highest.max(number);
        match self.messages.get(&number) {
            Some(first) => {
                assert_eq!(first, message, "number {number} came with another message");
                self.twice += 1;
            }
            None => {
                self.messages.insert(number, message.clone());
            }
        }
    }

    /// Whether none is missing up to the highest one.
    pub fn gapless(&self) -> bool {
        self.messages.len() as u64 == self.highest
    }
}

impl Events {
    /// Waits until at least the numbers from 1 to `last` have arrived and none is missing up to the highest one. The
    /// order is not looked at: new ones may come before those that waited.
    ///
    /// # Panics
    /// One has not come, in time, or one came with another message than it first came with.
    pub fn numbers(&mut self, last: u64) -> Numbers {
        let mut numbers = Numbers::default();
        self.search_anew();
        self.find(&format!("all numbers up to {last} and no gap"), |event| {
            let number = event["body"]["sequence"].as_u64()?;
            numbers.enter(number, &event["messageId"]);
            (numbers.highest >= last && numbers.gapless()).then_some(())
        });
        numbers
    }
}
