//! The text of `host status`.

use std::collections::BTreeMap;

use crate::{
    guest::Limits,
    status::{CallStats, ComponentState, ConnectionState, ConnectionStatus, OutboxStatus, Status},
    text::{counted, one_line},
    units::format_bytes,
};

/// Formats a status for a person.
pub(super) fn format(status: &Status) -> String {
    let mut lines = vec![format!("device     {}", status.device_id)];
    lines.extend(connection(&status.connection));
    lines.push(outbox(&status.outbox));
    if let Some(running) = &status.running {
        lines.push(format!(
            "runs       {}, since {:.0}",
            running.info, running.since
        ));
    }
    lines.push(match &status.state {
        ComponentState::Accepted => "state      accepted".to_owned(),
        ComponentState::Probation {
            seconds_left,
            events_left,
        } => format!(
            "state      on probation, for {seconds_left:.0} s and {events_left} events more"
        ),
        ComponentState::Suspended {
            reason,
            seconds_left,
        } => format!("state      left alone for {seconds_left:.0} s more: {reason}"),
    });
    lines.push(calls(&status.calls));
    lines.push(format!("limits     {}", limits(&status.limits)));
    let earlier = status.fallback.as_ref().or(status.previous.as_ref());
    if let Some(earlier) = earlier {
        lines.push(format!("before     {}", earlier.info));
    }
    for quarantined in &status.quarantined {
        let short = quarantined.sha256.get(..8).unwrap_or_default();
        lines.push(format!("withdrawn  {short}: {}", quarantined.reason));
    }
    if let Some(last) = &status.last_swap {
        lines.push(format!(
            "last swap  {:.0} {}: {}",
            last.time,
            last.step,
            last.describe()
        ));
    }
    lines
        .iter()
        .map(|line| format!("{}\n", one_line(line)))
        .collect()
}

/// Formats the connection: state, last error and counters.
fn connection(connection: &ConnectionStatus) -> Vec<String> {
    let hub = connection.hub.as_deref().unwrap_or("no hub yet");
    let since = connection
        .since
        .map_or_else(String::new, |since| format!(" since {since:.0}"));
    let renewed = |seconds: f64| format!(", token good for {} s more", seconds.round());
    let next = |seconds: f64| format!(", next try in {} s", seconds.ceil());
    let left = connection
        .token_expires_seconds
        .map(renewed)
        .unwrap_or_default();
    let next = connection
        .next_attempt_seconds
        .map(next)
        .unwrap_or_default();
    let mut lines = vec![match connection.state {
        ConnectionState::Connected => format!("hub        {hub}, connected{since}{left}"),
        ConnectionState::Connecting => {
            format!("hub        {hub}, connecting, not connected{since}")
        }
        ConnectionState::Provisioning => {
            format!("hub        {hub}, asking DPS, not connected{since}")
        }
        ConnectionState::Reconnecting => {
            format!("hub        {hub}, connecting anew, connected{since}")
        }
        ConnectionState::Backoff => format!("hub        {hub}, not connected{since}{next}"),
    }];
    if let Some(trouble) = &connection.last_error {
        let (time, cause, why) = (trouble.time, trouble.cause.name(), &trouble.message);
        lines.push(format!("trouble    {time:.0} {cause}: {why}"));
    }
    let breaks: u64 = connection.disconnects.values().sum();
    let failed: u64 = connection.connect_failures.values().sum();
    let (connects, renewals) = (connection.connects, connection.token_renewals);
    lines.push(format!(
        "link       connected {}, token renewed {}, {}, {}",
        times(connects),
        times(renewals),
        counted(breaks, "break"),
        counted(failed, "failed connect"),
    ));
    lines
}

fn outbox(outbox: &OutboxStatus) -> String {
    let oldest = outbox.oldest_age_seconds.map_or_else(String::new, |age| {
        format!(", the oldest {} s old", age.round())
    });
    format!(
        "outbox     {} and {} to send{oldest}; {} acknowledged, {} given up, {} set aside",
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
        "calls      {count}, {mean:.2} ms each, the longest {longest:.2} ms; {}, {}; {} of memory",
        counted(calls.errors, "error"),
        counted(calls.traps, "trap"),
        format_bytes(calls.memory_bytes),
    )
}

/// Formats limits in the order of `host check`, with the names of `--limit`.
fn limits(limits: &BTreeMap<String, u64>) -> String {
    let shown = Limits::ALL.iter().filter_map(|limit| {
        let number = limits.get(limit.name())?;
        Some(format!("{} {}", limit.name(), limit.format(*number)))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
