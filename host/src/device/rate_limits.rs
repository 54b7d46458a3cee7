//! The limits on how often timers call the component, and how much these calls send and commit. Commands, desired properties
//! and messages are the affair of operators and the cloud: they neither wait, nor do they take the timers' share.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    contract::{behaviour::Outcome, effect::Effect},
    guest::Limits,
    status::RateLimitStatus,
};

/// The time in which a component that was quiet may use up all it is allowed: a burst of calls.
const CALLS_BURST: Duration = Duration::from_secs(10);
/// The same for messages and reports, which come in groups.
const MESSAGES_BURST: Duration = Duration::from_secs(50);
/// The same for committed bytes: a component may write its largest record for minutes.
const COMMIT_BURST: Duration = Duration::from_secs(64);

/// The use of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Messages and reports.
    pub(crate) messages: usize,
    /// Bytes of the record, if it changed, and of messages and reports.
    pub(crate) bytes: usize,
}

impl Usage {
    /// Returns the use of a call with this outcome, after which the record was `before`.
    pub(crate) fn of(outcome: &Outcome, before: Option<&str>) -> Self {
        let sizes = || outcome.effects.iter().filter_map(Effect::size);
        let record = match before == Some(&*outcome.record) {
            true => 0,
            false => outcome.record.len(),
        };
        Self {
            messages: sizes().count(),
            bytes: record + sizes().sum::<usize>(),
        }
    }
}

/// The rate limits of one device, on its own clock.
#[derive(Debug)]
pub(super) struct RateLimits {
    calls: Budget,
    messages: Budget,
    commit: Budget,
    /// True while a timer waits.
    delaying: bool,
}

impl RateLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            calls: Budget::new("calls", limits.calls, CALLS_BURST),
            messages: Budget::new("messages", limits.messages, MESSAGES_BURST),
            commit: Budget::new("commit", limits.commit, COMMIT_BURST),
            delaying: false,
        }
    }

    fn all(&self) -> [&Budget; 3] {
        [&self.calls, &self.messages, &self.commit]
    }

    /// Fills the budgets for another version, which is not to wait for what the one before has used.
    pub(super) fn refill(&mut self, now: Duration) {
        for budget in [&mut self.calls, &mut self.messages, &mut self.commit] {
            budget.tokens = budget.burst;
            budget.at = now;
            budget.is_named = false;
        }
    }

    /// Takes a call off the budgets.
    pub(super) fn charge(&mut self, usage: Usage, now: Duration) {
        self.calls.charge(1, now);
        self.messages.charge(usage.messages, now);
        self.commit.charge(usage.bytes, now);
    }

    /// Returns true if a timer may call now, and otherwise counts it once. The names are those of limits this version exceeds
    /// for the first time.
    pub(super) fn admit_timer(&mut self, now: Duration) -> (bool, Vec<&'static str>) {
        let mut exceeded = Vec::new();
        let first = !self.delaying;
        self.delaying = false;
        for budget in [&mut self.calls, &mut self.messages, &mut self.commit] {
            if budget.ready_at() > now {
                self.delaying = true;
                budget.delayed += u64::from(first);
                if !std::mem::replace(&mut budget.is_named, true) {
                    exceeded.push(budget.name);
                }
            }
        }
        (!self.delaying, exceeded)
    }

    /// Returns the time from which a timer may call.
    pub(super) fn ready_at(&self) -> Duration {
        self.all()
            .into_iter()
            .map(Budget::ready_at)
            .max()
            .unwrap_or_default()
    }

    /// Returns the status by the names of the limits.
    pub(super) fn status(&self, now: Duration) -> BTreeMap<String, RateLimitStatus> {
        let status = |budget: &Budget| RateLimitStatus {
            limited: budget.ready_at() > now,
            delayed: budget.delayed,
        };
        let all = self.all().into_iter();
        all.map(|budget| (budget.name.to_owned(), status(budget)))
            .collect()
    }
}

/// A token bucket that may be overdrawn.
#[derive(Debug)]
struct Budget {
    name: &'static str,
    /// Tokens per second; `None` for no limit.
    rate: Option<f64>,
    burst: f64,
    tokens: f64,
    /// The time of `tokens`.
    at: Duration,
    /// The timer calls that had to wait.
    delayed: u64,
    /// True once it was named as exceeded.
    is_named: bool,
}

impl Budget {
    fn new(name: &'static str, rate: Option<u64>, burst: Duration) -> Self {
        let rate = rate.map(|rate| rate as f64);
        let burst = rate.unwrap_or_default() * burst.as_secs_f64();
        Self {
            name,
            rate,
            burst,
            tokens: burst,
            at: Duration::ZERO,
            delayed: 0,
            is_named: false,
        }
    }

    fn charge(&mut self, tokens: usize, now: Duration) {
        if let Some(rate) = self.rate {
            let earned = rate * now.saturating_sub(self.at).as_secs_f64();
            let tokens = (self.tokens + earned).min(self.burst) - tokens as f64;
            // However much a call has overdrawn it, the next one waits an hour at most.
            self.tokens = tokens.max(-rate * 3600.0);
            self.at = now;
        }
    }

    /// Returns the time at which there is a token.
    fn ready_at(&self) -> Duration {
        match self.rate {
            Some(rate) if self.tokens < 1.0 => {
                let wait = Duration::try_from_secs_f64((1.0 - self.tokens) / rate);
                self.at + wait.unwrap_or_default()
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// The calls of a timer of 1 ms in this time, each with this use.
    fn calls(limits: &mut RateLimits, usage: Usage, from: Duration, time: Duration) -> u32 {
        let (mut now, mut count) = (from, 0);
        while now < from + time {
            if limits.admit_timer(now).0 {
                limits.charge(usage, now);
                count += 1;
            }
            now += S / 1000;
        }
        count
    }

    #[test]
    fn a_fast_timer_has_its_burst_and_then_its_rate() {
        let mut limits = RateLimits::new(&Limits::default());
        let none = Usage::default();
        let first = calls(&mut limits, none, S, 3 * S);
        assert!((2500..=2700).contains(&first), "2,000 and 200/s: {first}");
        let later = calls(&mut limits, none, 4 * S, 10 * S);
        assert!((1990..=2010).contains(&later), "{later}");
        let status = limits.status(14 * S);
        assert!(status["calls"].delayed > 1000, "{status:?}");
        assert!(!status["messages"].limited && status["messages"].delayed == 0);
    }

    #[test]
    fn the_tightest_limit_counts() {
        let mut limits = RateLimits::new(&Limits::default());
        let usage = Usage {
            messages: 256,
            bytes: 1 << 20,
        };
        // 32 MiB at once, and then one call of 1 MiB in two seconds.
        let count = calls(&mut limits, usage, S, 20 * S);
        assert!((40..=44).contains(&count), "{count}");
        assert_eq!(limits.status(21 * S)["calls"].delayed, 0);
    }

    #[test]
    fn another_version_does_not_wait_and_is_named_again() {
        let mut limits = RateLimits::new(&Limits::default());
        let usage = Usage {
            messages: 20_000,
            bytes: 0,
        };
        for second in [1, 2] {
            limits.charge(usage, second * S);
            assert_eq!(limits.admit_timer(second * S), (false, vec!["messages"]));
            limits.refill(second * S);
            assert_eq!(limits.admit_timer(second * S), (true, vec![]));
        }
        assert_eq!(limits.status(2 * S)["messages"].delayed, 2);
    }

    #[test]
    fn a_limit_is_named_once_and_none_limits_nothing() {
        let mut limits = RateLimits::new(&Limits::default());
        limits.charge(
            Usage {
                messages: 20_000,
                bytes: 0,
            },
            S,
        );
        assert_eq!(limits.admit_timer(S), (false, vec!["messages"]));
        assert_eq!(limits.admit_timer(2 * S), (false, vec![]));
        assert!(limits.status(2 * S)["messages"].limited);
        assert_eq!(limits.ready_at(), S + 50 * S + S / 200);
        assert_eq!(limits.admit_timer(limits.ready_at()), (true, vec![]));
        let mut limits = RateLimits::new(&Limits {
            calls: None,
            messages: None,
            commit: None,
            ..Limits::default()
        });
        let usage = Usage {
            messages: 1000,
            bytes: 1 << 30,
        };
        assert_eq!(calls(&mut limits, usage, S, 10 * S), 10_000);
    }
}
