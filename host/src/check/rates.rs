//! The rates of a component's timers in a dry run, in virtual time.

use std::time::Duration;

use super::{dry_run::DryRun, finding::Finding};
use crate::{guest::Limits, units::format_rounded_bytes};

/// The totals of a dry run at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Timer calls.
    pub(super) calls: u64,
    /// Telemetry messages and reports.
    pub(super) messages: u64,
    /// Bytes committed: records and the items to send.
    pub(super) bytes: u64,
}

/// Calls, messages and bytes per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    calls: f64,
    messages: f64,
    bytes: f64,
}

impl Rates {
    /// Returns the rates from `since` until now, over `span` of virtual time; `None` without a call or a time.
    pub(super) fn of(run: &DryRun, since: Totals, span: Duration) -> Option<Self> {
        Self::between(since, run.totals(), span)
    }

    fn between(since: Totals, until: Totals, span: Duration) -> Option<Self> {
        let rate = |of: fn(Totals) -> u64| {
            (of(until).saturating_sub(of(since))) as f64 / span.as_secs_f64()
        };
        let rates = Self {
            calls: rate(|totals| totals.calls),
            messages: rate(|totals| totals.messages),
            bytes: rate(|totals| totals.bytes),
        };
        (rates.calls > 0.0 && !span.is_zero()).then_some(rates)
    }

    /// Formats the rates for a person.
    pub(super) fn describe(self) -> String {
        format!(
            "{} calls/s, {} messages/s, {}/s committed",
            short(self.calls),
            short(self.messages),
            format_rounded_bytes(self.bytes.round() as u64)
        )
    }

    /// Returns what is over a rate limit of the host, with the remedy; empty if nothing is.
    pub(super) fn excesses(self, limits: &Limits) -> Vec<String> {
        self.over(|name| {
            let limit = Limits::ALL.iter().find(|limit| limit.name() == name)?;
            Some((limit.number(limits)?, limit.shown(limits)))
        })
    }

    /// See [`excesses`](Self::excesses); `limit_of` returns a limit per second by its name, and how it is shown.
    fn over(self, limit_of: impl Fn(&str) -> Option<(u64, String)>) -> Vec<String> {
        let rates = [
            ("calls", self.calls),
            ("messages", self.messages),
            ("commit", self.bytes),
        ];
        let over = rates.into_iter().filter_map(|(name, rate)| {
            let (limit, shown) = limit_of(name)?;
            (limit > 0 && rate > limit as f64).then(|| {
                format!("over the limit `{name}` of {shown}; use a longer period, or raise --limit {name}=…")
            })
        });
        over.collect()
    }

    /// Adds the rates to the members of a finding.
    pub(super) fn facts(self, finding: Finding) -> Finding {
        finding
            .with("callsPerSecond", self.calls)
            .with("messagesPerSecond", self.messages)
            .with("bytesPerSecond", self.bytes)
    }
}

/// Formats a rate with three digits at most behind the point.
fn short(rate: f64) -> String {
    let text = format!("{rate:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(calls: u64, messages: u64, bytes: u64, seconds: u64) -> Option<Rates> {
        let until = Totals {
            calls,
            messages,
            bytes,
        };
        Rates::between(Totals::default(), until, Duration::from_secs(seconds))
    }

    #[test]
    fn rates_are_per_second_of_virtual_time() {
        let described = rates(10, 20, 81_920, 20).unwrap().describe();
        assert_eq!(described, "0.5 calls/s, 1 messages/s, 4.0 KiB/s committed");
        assert!(rates(10, 20, 100, 0).is_none(), "no time has passed");
        assert!(rates(0, 0, 0, 300).is_none());
    }

    #[test]
    fn what_is_over_a_limit_is_named_with_the_option() {
        let limit = |name: &str| (name == "calls").then(|| (200, "200/s".to_owned()));
        assert!(rates(400, 9999, 0, 2).unwrap().over(limit).is_empty());
        let over = rates(401, 0, 0, 2).unwrap().over(limit);
        assert!(over[0].contains("`calls` of 200/s;") && over[0].contains("--limit calls="));
        let unlimited = |_: &str| Some((0, "none".to_owned()));
        assert!(rates(401, 0, 0, 2).unwrap().over(unlimited).is_empty());
    }
}
