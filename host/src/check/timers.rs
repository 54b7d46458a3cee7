//! The timers the component sets can fire.

use std::time::Duration;

use super::{
    dry_run::{DryRun, LENGTH},
    finding::{Finding, Verdict},
};
use crate::device::behaviour::Event;

pub(super) const NAME: &str = "timers";

/// Most calls: enough for what happens again and again.
const MOST: u32 = 10;

/// Lets the timers fire in the order in which they are due.
pub(super) async fn check(run: &mut DryRun) -> Finding {
    let set = run.timers().len();
    let mut fired = 0;
    while fired < MOST
        && let Some(timer) = run.next_timer().await
    {
        if let Err(failure) = run.call(Event::Timer(timer.clone())).await {
            let what = format!("at call {} for a timer, {timer:?}", fired + 1);
            return failure.finding(&what, Verdict::Error);
        }
        fired += 1;
    }
    let message = match (set, fired) {
        (0, _) => "it sets none when it starts".to_owned(),
        (_, 0) => format!(
            "{set} set, none of them due within {} s of its time",
            LENGTH.as_secs()
        ),
        _ => format!(
            "{set} set, {fired} calls in {} of its time",
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
