//! What the component's calls come to.

use std::time::Duration;

use super::behaviour::Failure;
use crate::status::Calls;

impl Calls {
    /// A call has ended after so long, and left an instance with so much memory.
    pub(super) fn ended(&mut self, took: Duration, result: Result<usize, &Failure>) {
        let seconds = took.as_secs_f64();
        self.seconds += seconds;
        self.longest = self.longest.max(seconds);
        let class = Self::BOUNDS.partition_point(|bound| *bound < seconds);
        self.by_duration.resize(Self::BOUNDS.len() + 1, 0);
        if let Some(count) = self.by_duration.get_mut(class) {
            *count += 1;
        }
        match result {
            Ok(memory) => {
                self.ok += 1;
                self.memory = memory as u64;
            }
            Err(Failure::Error(_)) => self.errors += 1,
            Err(Failure::Trap(_)) => self.traps += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_what_they_came_to_and_how_long_they_took() {
        let mut calls = Calls::default();
        let trap = Failure::Trap("unreachable".to_owned());
        calls.ended(Duration::from_micros(50), Ok(65_536));
        calls.ended(Duration::from_micros(51), Ok(131_072));
        calls.ended(Duration::from_secs(5), Err(&trap));
        assert_eq!((calls.ok, calls.errors, calls.traps), (2, 0, 1));
        assert_eq!(calls.by_duration, [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(calls.memory, 131_072);
        assert_eq!((calls.seconds, calls.longest), (5.000_101, 5.0));
    }
}
