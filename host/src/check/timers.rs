//! Checks that the component's timers can fire, over and over.

use std::time::Duration;

use super::{
    dry_run::{DURATION, DryRun, UNKNOWN},
    finding::{Finding, Verdict},
    growth::Growth,
    progress::EventProgress,
    rates::Rates,
};
use crate::{
    contract::behaviour::{CallFailure, Event},
    guest::Limits,
    text::counted,
    units::milliseconds,
};

pub(super) const NAME: &str = "timers";

/// The number of calls unless another one is asked for: enough for what repeats.
const MAX_CALLS: u64 = 10;

/// Calls that stand in for timers that a component has not set.
#[derive(Default)]
struct Commands {
    calls: u64,
    /// The error the component has returned, after which there are no more.
    refused: Option<String>,
}

/// Fires the timers in the order in which they are due: a few, or `events` of them. If none is due and `events` is given,
/// the component gets an unknown command for each event that is left.
pub(super) async fn check(run: &mut DryRun, events: Option<u64>, limits: &Limits) -> Finding {
    let set = run.timers().len();
    let wanted = events.unwrap_or(MAX_CALLS);
    let (before, began) = (run.totals(), run.elapsed());
    let mut growth = Growth::new(wanted);
    let mut progress = EventProgress::new(wanted);
    let (mut fired, mut is_due) = (0, true);
    while fired < wanted {
        let Some(timer) = run.next_timer().await else {
            is_due = false;
            break;
        };
        if let Err(failure) = run.call(Event::Timer(timer.clone())).await {
            let what = format!("in timer call {}, {timer:?}", fired + 1);
            return of_failure(failure.finding(&what, Verdict::Error), fired + 1);
        }
        fired += 1;
        growth.note(fired, run.memory());
        progress.handled(fired, run.elapsed());
    }
    let elapsed = run.elapsed().saturating_sub(began);
    // Timers that are due at once take no time at all.
    let elapsed = elapsed.max(Duration::from_millis(1));
    let span = if is_due { elapsed } else { run.duration() };
    let rates = Rates::of(run, before, span);
    let mut commands = Commands::default();
    if events.is_some() {
        while fired + commands.calls < wanted && commands.refused.is_none() {
            if let Err(finding) = command(run, &mut commands, fired).await {
                return finding;
            }
            growth.note(fired + commands.calls, run.memory());
            progress.handled(fired + commands.calls, run.elapsed());
        }
    }
    drop(progress);
    let message = describe(set, fired, elapsed, events.is_some(), &commands);
    let message = match rates {
        Some(rates) => format!("{message}: {}", rates.describe()),
        None => message,
    };
    let mut finding = Finding::ok(message)
        .with("set", set)
        .with("fired", fired)
        .with("elapsedMs", milliseconds(elapsed.as_secs_f64()));
    if let Some(rates) = rates {
        finding = rates.facts(finding);
        for excess in rates.excesses(limits) {
            finding = finding.warn(&format!("the host slows these timers: {excess}"));
        }
    }
    if events.is_some() {
        finding = finding.with("commands", commands.calls);
        finding = of_memory(finding, &growth, limits);
    }
    finding
}

/// Sends an unknown command in place of a timer. An error it returns ends these calls; a trap is a finding.
async fn command(run: &mut DryRun, commands: &mut Commands, fired: u64) -> Result<(), Finding> {
    let event = Event::Command {
        component: None,
        name: UNKNOWN.to_owned(),
        payload: None,
    };
    match run.call(event).await {
        Ok(_) => commands.calls += 1,
        Err(failure) => match failure.returned() {
            Some(CallFailure::Error(reason)) => commands.refused = Some(reason.clone()),
            _ => {
                let number = fired + commands.calls + 1;
                let what = format!("in event {number}, the command {UNKNOWN}");
                return Err(of_failure(failure.finding(&what, Verdict::Error), number));
            }
        },
    }
    Ok(())
}

fn of_failure(finding: Finding, event: u64) -> Finding {
    finding.with("event", event)
}

/// Adds the figures of the memory, and a warning if it grows steadily.
fn of_memory(finding: Finding, growth: &Growth, limits: &Limits) -> Finding {
    let finding = finding.with("memoryBytes", growth.last());
    match growth.leak(limits.memory) {
        None => finding,
        Some(leak) => finding
            .warn(&leak.describe(limits.memory))
            .with("memoryAfterFirstTenthBytes", leak.first)
            .with("eventsUntilLimit", leak.events_left),
    }
}

fn describe(
    set: usize,
    fired: u64,
    elapsed: Duration,
    as_many: bool,
    commands: &Commands,
) -> String {
    let timers = match (set, fired) {
        (0, 0) => "none set".to_owned(),
        (_, 0) => match as_many {
            true => format!("{set} set, none due"),
            false => format!(
                "{set} set, none due within {} s of virtual time",
                DURATION.as_secs()
            ),
        },
        _ => format!(
            "{set} set, {} in {} s of virtual time",
            counted(fired, "call"),
            elapsed.as_secs_f64()
        ),
    };
    match (commands.calls, &commands.refused) {
        (0, None) => timers,
        (calls, None) => format!("{timers}; then {}", unknown(calls)),
        (calls, Some(reason)) => format!(
            "{timers}; then {}, and no more because it returns an error: {reason}",
            unknown(calls)
        ),
    }
}

fn unknown(calls: u64) -> String {
    format!(
        "{} of the unknown command {UNKNOWN}",
        counted(calls, "call")
    )
}
