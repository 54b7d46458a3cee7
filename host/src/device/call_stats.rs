//! Statistics of the component's calls.

use std::time::Duration;

use crate::{contract::behaviour::CallFailure, status::CallStats};

impl CallStats {
    /// Records a call with its duration, and the memory of the instance after it.
    pub(super) fn record(&mut self, took: Duration, result: Result<usize, &CallFailure>) {
        let seconds = took.as_secs_f64();
        self.total_seconds += seconds;
        self.longest_seconds = self.longest_seconds.max(seconds);
        let class = Self::BOUNDS.partition_point(|bound| *bound < seconds);
        self.by_duration.resize(Self::BOUNDS.len() + 1, 0);
        if let Some(count) = self.by_duration.get_mut(class) {
            *count += 1;
        }
        match result {
            Ok(memory) => {
                self.ok += 1;
                self.memory_bytes = memory as u64;
            }
            Err(CallFailure::Error(_)) => self.errors += 1,
            Err(CallFailure::Trap(_) | CallFailure::OutOfMemory(_)) => self.traps += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_what_they_came_to_and_how_long_they_took() {
        let mut calls = CallStats::default();
        let trap = CallFailure::Trap("unreachable".to_owned());
        calls.record(Duration::from_micros(50), Ok(65_536));
        calls.record(Duration::from_micros(51), Ok(131_072));
        calls.record(Duration::from_secs(5), Err(&trap));
        assert_eq!((calls.ok, calls.errors, calls.traps), (2, 0, 1));
        assert_eq!(calls.by_duration, [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(calls.memory_bytes, 131_072);
        assert_eq!(
            (calls.total_seconds, calls.longest_seconds),
            (5.000_101, 5.0)
        );
    }
}
