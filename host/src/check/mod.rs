//! `host check`: checks that a component fits this host.
//!
//! The component is loaded and run as in a device, on a virtual clock. Each check has a file.

mod command;
mod compile;
mod description;
mod desired;
mod dry_run;
mod file;
mod finding;
mod growth;
mod instance_clock;
mod kind;
mod progress;
mod rates;
mod report;
mod restore;
mod save;
mod sent;
mod start;
mod timers;
mod world;

use self::{dry_run::DryRun, report::CheckReport, sent::SentSummary};
use crate::{
    app_error::AppError,
    cli::CheckArgs,
    config,
    guest::{
        Sandbox,
        compile::{Compiler, prepare_cache},
    },
    run,
};

/// All checks, in order.
const CHECKS: [&str; 11] = [
    file::NAME,
    kind::NAME,
    compile::NAME,
    world::NAME,
    description::NAME,
    start::NAME,
    timers::NAME,
    command::NAME,
    desired::NAME,
    save::NAME,
    restore::NAME,
];

/// Checks a component and prints the findings. Returns an error if a check has failed.
pub(crate) fn check(args: &CheckArgs) -> Result<(), AppError> {
    let runtime = run::runtime("check", 2)?;
    // An unusable cache is no finding about the component.
    let cache = config::cache_dir(&args.sandbox.cache)?;
    prepare_cache(&cache)?;
    let (compiler, sandbox) = run::sandbox(&args.sandbox, Some(cache), runtime.handle())?;
    let subject = Subject {
        args,
        compiler,
        sandbox,
    };
    let mut report = CheckReport::new(args.json);
    let sent = runtime.block_on(subject.check(&mut report));
    // A call that was stopped may still be running.
    runtime.shutdown_background();
    let limits = subject.sandbox.limits();
    report.end(&args.file, sent.as_ref(), limits, args.with_limits);
    match report.failed().as_slice() {
        [] => Ok(()),
        failed => Err(AppError::Failed(format!(
            "{} failed checks: {}",
            args.file.display(),
            failed.join(", ")
        ))),
    }
}

/// The checked component, and the sandbox it runs in.
struct Subject<'a> {
    args: &'a CheckArgs,
    compiler: Compiler,
    sandbox: Sandbox,
}

impl Subject<'_> {
    /// Runs one check after the other. Returns the items the component would have sent.
    async fn check(&self, report: &mut CheckReport) -> Option<SentSummary> {
        let (sent, end) = match self.start(report).await {
            Ok(mut run) => {
                let end = self.exercise(&mut run, report).await;
                (Some(run.into_sent()), end)
            }
            Err(why) => (None, Err(why)),
        };
        if let Err(why) = end {
            report.skip_rest(&CHECKS, &why);
        }
        sent
    }

    /// Runs the checks from the file to a started component. An error is the reason why the others are skipped.
    async fn start(&self, report: &mut CheckReport) -> Result<DryRun, String> {
        let (sandbox, limits) = (&self.sandbox, self.sandbox.limits());
        let source = report.take(file::NAME, file::check(&self.args.file, limits))?;
        report.take(kind::NAME, kind::check(&source))?;
        let compiled = compile::check(&self.compiler, sandbox, &source).await;
        let image = report.take(compile::NAME, compiled)?;
        let prepared = report.take(world::NAME, world::check(sandbox, &image))?;
        let described = description::check(prepared, source.sha256().clone()).await;
        let component = report.take(description::NAME, described)?;
        let config = self.args.settings.settings();
        let is_long = self.args.events.is_some();
        let started = start::check(component, config, limits, is_long).await;
        report.take(start::NAME, started)
    }

    /// Runs the checks of a started component. An error is the reason why the others are skipped.
    async fn exercise(&self, run: &mut DryRun, report: &mut CheckReport) -> Result<(), String> {
        let (events, limits) = (self.args.events, self.sandbox.limits());
        report.note(timers::NAME, timers::check(run, events, limits).await);
        run.check_running()?;
        report.note(command::NAME, command::check(run).await);
        run.check_running()?;
        report.note(desired::NAME, desired::check(run).await);
        run.check_running()?;
        report.note(save::NAME, save::check(run, limits));
        report.note(restore::NAME, restore::check(run).await);
        Ok(())
    }
}
