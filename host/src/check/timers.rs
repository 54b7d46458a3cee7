//! Checks that the component's timers can fire.

use std::time::Duration;

use super::{
    dry_run::{DURATION, DryRun},
    finding::{Finding, Verdict},
};
use crate::device::behaviour::Event;

pub(super) const NAME: &str = "timers";

/// The number of calls: enough for what repeats.
const MAX_CALLS: u32 = 10;

/// Fires the timers in the order in which they are due.
pub(super) async fn check(run: &mut DryRun) -> Finding {
    let set = run.timers().len();
    let mut fired = 0;
    while fired < MAX_CALLS
        && let Some(timer) = run.next_timer().await
    {
        if let Err(failure) = run.call(Event::Timer(timer.clone())).await {
            let what = format!("in timer call {}, {timer:?}", fired + 1);
            return failure.finding(&what, Verdict::Error);
        }
        fired += 1;
    }
    let message = match (set, fired) {
        (0, _) => "none set".to_owned(),
        (_, 0) => format!(
            "{set} set, none due within {} s of virtual time",
            DURATION.as_secs()
        ),
        _ => format!(
            "{set} set, {fired} calls in {} of virtual time",
            span(run.elapsed())
        ),
    };
    Finding::ok(message)
        .with("set", set)
        .with("fired", fired)
        .with("seconds", run.elapsed().as_secs_f64())
}

fn span(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
