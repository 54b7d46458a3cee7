//! The text of `host status`.

use std::{collections::BTreeMap, fmt::Display};

use crate::{
    guest::Limits,
    status::{CallStats, ComponentState, ConnectionState, ConnectionStatus, OutboxStatus, Status},
    text::{counted, one_line},
    units::format_bytes,
};

/// Formats a status for a person.
pub(super) fn format(status: &Status) -> String {
    let mut lines = vec![line("device", &status.device_id)];
    lines.extend(connection(&status.connection));
    lines.push(line("outbox", outbox(&status.outbox)));
    if let Some(since) = status.store.degraded_since {
        let reason = status.store.reason.as_deref().unwrap_or_default();
        let text = format!("degraded since {since:.0}, changes are in memory only: {reason}");
        lines.push(line("disk", text));
    }
    if let Some(running) = &status.running {
        let component = format!("{}, since {:.0}", running.info, running.since);
        lines.push(line("component", component));
    }
    lines.push(line("state", state(&status.state)));
    for suspended in &status.suspended {
        let (cause, reason) = (&suspended.cause, &suspended.reason);
        let text = format!(
            "{cause}, for another {:.0} s: {reason}",
            suspended.seconds_left
        );
        lines.push(line("suspended", text));
    }
    lines.push(line("calls", calls(&status.calls)));
    lines.push(line("limits", limits(&status.limits)));
    for (name, rate) in status
        .rate_limits
        .iter()
        .filter(|(_, rate)| rate.delayed > 0)
    {
        let now = if rate.limited {
            ", and one waits now"
        } else {
            ""
        };
        let calls = counted(rate.delayed, "timer call");
        lines.push(line(
            "rate limit",
            format!("{name}: {calls} had to wait{now}"),
        ));
    }
    let previous = status.fallback.as_ref().or(status.previous.as_ref());
    lines.extend(previous.map(|previous| line("previous", &previous.info)));
    for quarantined in &status.quarantined {
        let short = quarantined.sha256.get(..8).unwrap_or_default();
        let text = format!("{short}: {}", quarantined.reason);
        lines.push(line("quarantined", text));
    }
    if let Some(last) = &status.last_swap {
        let text = format!("{:.0} {}", last.time, last.describe());
        lines.push(line("last swap", text));
    }
    lines.concat()
}

fn line(key: &str, value: impl Display) -> String {
    format!("{key:<13}{}\n", one_line(&value.to_string()))
}

fn state(state: &ComponentState) -> String {
    match state {
        ComponentState::Accepted => "accepted".to_owned(),
        ComponentState::Probation {
            seconds_left,
            events_left,
        } => format!("probation, {seconds_left:.0} s and {events_left} events left"),
        ComponentState::Suspended {
            reason,
            seconds_left,
        } => format!("suspended for another {seconds_left:.0} s: {reason}"),
    }
}

/// Formats the connection: state, last error and counters.
fn connection(connection: &ConnectionStatus) -> Vec<String> {
    let hub = connection.hub.as_deref().unwrap_or("no hub assigned");
    let since = connection
        .since
        .map_or_else(String::new, |since| format!(" since {since:.0}"));
    let state = match connection.state {
        ConnectionState::Connected => {
            let expires = connection.token_expires_seconds;
            let expires = expires.map_or_else(String::new, |seconds| {
                format!(", SAS token expires in {} s", seconds.round())
            });
            format!("connected{since}{expires}")
        }
        ConnectionState::Reconnecting => format!("reconnecting, connected{since}"),
        ConnectionState::Provisioning => format!("provisioning, disconnected{since}"),
        ConnectionState::Connecting => format!("connecting, disconnected{since}"),
        ConnectionState::Backoff => {
            let next = connection.next_attempt_seconds;
            let next = next.map_or_else(String::new, |seconds| {
                format!(", next attempt in {} s", seconds.ceil())
            });
            format!("disconnected{since}{next}")
        }
    };
    let mut lines = vec![line("hub", format!("{hub}, {state}"))];
    if let Some(error) = &connection.last_error {
        let (time, cause, message) = (error.time, error.cause.name(), &error.message);
        lines.push(line("last error", format!("{time:.0} {cause}: {message}")));
    }
    let disconnects: u64 = connection.disconnects.values().sum();
    let failures: u64 = connection.connect_failures.values().sum();
    let counters = format!(
        "{}, {}, {}, {}",
        counted(connection.connects, "connect"),
        counted(connection.token_renewals, "token renewal"),
        counted(disconnects, "disconnect"),
        counted(failures, "connect failure"),
    );
    lines.push(line("connection", counters));
    lines
}

fn outbox(outbox: &OutboxStatus) -> String {
    let oldest = outbox
        .oldest_age_seconds
        .map_or_else(String::new, |age| format!(", oldest {} s", age.round()));
    format!(
        "{} and {} queued{oldest}; {} acknowledged, {} evicted, {} dead-lettered",
        counted(outbox.messages as u64, "message"),
        counted(outbox.reports as u64, "report"),
        outbox.acknowledged,
        outbox.evicted,
        outbox.dead_lettered,
    )
}

fn calls(calls: &CallStats) -> String {
    let count = calls.ok + calls.errors + calls.traps;
    let longest = calls.longest_seconds * 1000.0;
    let mean = calls.total_seconds * 1000.0 / count.max(1) as f64;
    format!(
        "{count}, mean {mean:.2} ms, longest {longest:.2} ms; {}, {}; {} memory",
        counted(calls.errors, "error"),
        counted(calls.traps, "trap"),
        format_bytes(calls.memory_bytes),
    )
}

/// Formats limits in the order of `host check`, with the names of `--limit`.
fn limits(limits: &BTreeMap<String, Option<u64>>) -> String {
    let shown = Limits::ALL.iter().filter_map(|limit| {
        let number = limits.get(limit.name())?;
        Some(format!("{} {}", limit.name(), limit.format(*number)))
    });
    shown.collect::<Vec<_>>().join(", ")
}
