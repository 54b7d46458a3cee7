//! Checks that the component starts with the given settings.

use std::{sync::Arc, time::Instant};

use super::{
    dry_run::DryRun,
    finding::{Checked, Finding},
};
use crate::{
    guest::{Component, Limits, remedy::of_limit},
    units::milliseconds,
};

pub(super) const NAME: &str = "start";

pub(super) async fn check(
    component: Component,
    config: Arc<[(String, String)]>,
    limits: &Limits,
    is_long: bool,
) -> Checked<DryRun> {
    let began = Instant::now();
    let run = DryRun::begin(component, config, limits.timers, is_long).await;
    let run = run.map_err(|failure| {
        let (reason, remedy) = (failure.reason(), of_limit(&failure));
        Finding::error(format!("init failed: {reason}{remedy}"))
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let finding = Finding::ok(format!("started in {:.1} ms", seconds * 1000.0));
    Ok((finding.with("durationMs", milliseconds(seconds)), run))
}
