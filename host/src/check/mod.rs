//! `host check`: what a component is, and whether it fits this host.
//!
//! It is loaded and run by what loads and runs it in a device, on a virtual clock. Each check has a file.

mod command;
mod compile;
mod description;
mod desired;
mod dry_run;
mod file;
mod finding;
mod kind;
mod report;
mod restore;
mod save;
mod sent;
mod start;
mod timers;
mod world;

use self::{dry_run::DryRun, report::Report, sent::Sent};
use crate::{
    app::AppError,
    cli::CheckArgs,
    guest::{Sandbox, compile::Compiler},
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

/// Checks a component and prints what was found. An error if a check has failed.
pub(crate) fn check(args: &CheckArgs) -> Result<(), AppError> {
    let runtime = run::runtime("check", 2)?;
    let (compiler, sandbox) = run::sandbox(&args.sandbox, runtime.handle())?;
    // Whether it can be used says nothing of the component.
    compiler.prepare_cache()?;
    let subject = Subject {
        args,
        compiler,
        sandbox,
    };
    let mut report = Report::new(args.json);
    let sent = runtime.block_on(subject.check(&mut report));
    // A call that was stopped may still be in hand.
    runtime.shutdown_background();
    report.end(&args.file, sent.as_ref(), subject.sandbox.limits());
    match report.failed().as_slice() {
        [] => Ok(()),
        failed => Err(AppError::Failed(format!(
            "{} does not pass: {}",
            args.file.display(),
            failed.join(", ")
        ))),
    }
}

/// What is checked, and where.
struct Subject<'a> {
    args: &'a CheckArgs,
    compiler: Compiler,
    sandbox: Sandbox,
}

impl Subject<'_> {
    /// Makes one check after the other. Returns what would have been sent.
    async fn check(&self, report: &mut Report) -> Option<Sent> {
        let (sent, end) = match self.start(report).await {
            Ok(mut run) => {
                let end = self.try_out(&mut run, report).await;
                (Some(run.into_sent()), end)
            }
            Err(why) => (None, Err(why)),
        };
        if let Err(why) = end {
            report.skip_rest(&CHECKS, &why);
        }
        sent
    }

    /// From the file to a component that has begun. An error says why the other checks are left out.
    async fn start(&self, report: &mut Report) -> Result<DryRun, String> {
        let (sandbox, limits) = (&self.sandbox, self.sandbox.limits());
        let source = report.take(file::NAME, file::check(&self.args.file, limits))?;
        report.take(kind::NAME, kind::check(&source))?;
        let compiled = compile::check(&self.compiler, sandbox, &source).await;
        let image = report.take(compile::NAME, compiled)?;
        let prepared = report.take(world::NAME, world::check(sandbox, &image))?;
        let described = description::check(prepared, source.sha256().clone()).await;
        let component = report.take(description::NAME, described)?;
        let config = self.args.settings.settings();
        report.take(start::NAME, start::check(component, config, limits).await)
    }

    /// Whatever a device meets. An error says why the other checks are left out.
    async fn try_out(&self, run: &mut DryRun, report: &mut Report) -> Result<(), String> {
        report.note(timers::NAME, timers::check(run).await);
        run.goes_on()?;
        report.note(command::NAME, command::check(run).await);
        run.goes_on()?;
        report.note(desired::NAME, desired::check(run).await);
        run.goes_on()?;
        report.note(save::NAME, save::check(run, self.sandbox.limits()));
        report.note(restore::NAME, restore::check(run).await);
        Ok(())
    }
}
