//! Announcements of compilations that take a while.

use std::{path::Path, sync::mpsc, thread, time::Duration};

use tokio::time::{Instant, timeout};

use super::source::ComponentSource;
use crate::{output::print_note, units::format_rounded_bytes};

/// Time after which a compilation is announced. Most take less.
const ANNOUNCE_AFTER: Duration = Duration::from_secs(2);

/// An announcement of a compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CompileProgress {
    /// The compilation has not ended yet.
    Running {
        /// File name of the component.
        component: String,
        /// Size of the component, in bytes.
        bytes: u64,
    },
    /// The announced compilation has succeeded.
    Done {
        /// Time of the compilation.
        elapsed: Duration,
    },
}

impl CompileProgress {
    fn running(source: &ComponentSource) -> Self {
        Self::Running {
            component: file_name(source.path()),
            bytes: source.bytes().len() as u64,
        }
    }

    /// Describes the progress for a person.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Running { component, bytes } => format!(
                "Compiling {component} ({}); this may take a while",
                format_rounded_bytes(*bytes)
            ),
            Self::Done { elapsed } => format!("Compiled in {:.1} s", elapsed.as_secs_f64()),
        }
    }

    /// Logs the progress. The target is shown by default.
    pub(super) fn log(&self) {
        match self {
            Self::Running { component, bytes } => {
                let size = format_rounded_bytes(*bytes);
                tracing::info!(target: "compilation", component, size, "compiling component; this may take a while");
            }
            Self::Done { elapsed } => {
                let seconds = format!("{:.1}", elapsed.as_secs_f64());
                tracing::info!(target: "compilation", seconds, "component compiled");
            }
        }
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Awaits a compilation, and announces it if it takes a while. Cancel safe if `compilation` is.
pub(crate) async fn announced<T, E>(
    source: &ComponentSource,
    compilation: impl Future<Output = Result<T, E>>,
    tell: impl Fn(CompileProgress),
) -> Result<T, E> {
    let running = CompileProgress::running(source);
    announced_after(ANNOUNCE_AFTER, running, compilation, tell).await
}

async fn announced_after<T, E>(
    after: Duration,
    running: CompileProgress,
    compilation: impl Future<Output = Result<T, E>>,
    tell: impl Fn(CompileProgress),
) -> Result<T, E> {
    let began = Instant::now();
    let mut compilation = std::pin::pin!(compilation);
    if let Ok(ended) = timeout(after, &mut compilation).await {
        return ended;
    }
    tell(running);
    let compiled = compilation.await?;
    let elapsed = began.elapsed();
    tell(CompileProgress::Done { elapsed });
    Ok(compiled)
}

/// Runs a compilation on this thread, and prints its progress to standard error if it takes a while.
pub(super) fn printed<T, E>(
    source: &ComponentSource,
    compilation: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let running = CompileProgress::running(source);
    let began = Instant::now();
    let (ended, has_ended) = mpsc::channel::<()>();
    let watch = move || {
        let announce =
            has_ended.recv_timeout(ANNOUNCE_AFTER) == Err(mpsc::RecvTimeoutError::Timeout);
        if announce {
            print_note(&running.describe());
        }
        announce
    };
    let watch = thread::Builder::new()
        .name("progress".to_owned())
        .spawn(watch);
    let compiled = compilation();
    drop(ended);
    // Without the thread, nothing is announced.
    let announced = watch.is_ok_and(|watch| watch.join().unwrap_or_default());
    if announced && compiled.is_ok() {
        let elapsed = began.elapsed();
        print_note(&CompileProgress::Done { elapsed }.describe());
    }
    compiled
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::sync::oneshot;

    use super::*;

    fn running() -> CompileProgress {
        CompileProgress::Running {
            component: "thermostat-py.wasm".to_owned(),
            bytes: 18_454_272,
        }
    }

    #[tokio::test]
    async fn a_long_compilation_is_announced_and_its_end_too() {
        for result in [Ok(7), Err("no")] {
            let told = RefCell::new(Vec::new());
            let (end, ended) = oneshot::channel();
            let end = RefCell::new(Some(end));
            let compiled = announced_after(
                Duration::ZERO,
                running(),
                async { ended.await.unwrap() },
                |progress| {
                    told.borrow_mut().push(progress);
                    // It has not ended before it is announced.
                    end.take().map(|end| end.send(result));
                },
            )
            .await;
            assert_eq!(compiled, result);
            let told = told.into_inner();
            assert_eq!(told[0], running());
            assert_eq!(told.len(), if result.is_ok() { 2 } else { 1 });
        }
    }

    #[tokio::test]
    async fn a_short_compilation_is_not_announced() {
        let compiled = announced_after(
            Duration::MAX,
            running(),
            async { Ok::<_, ()>(7) },
            |progress| panic!("{progress:?}"),
        );
        assert_eq!(compiled.await, Ok(7));
    }

    #[test]
    fn a_person_is_told_what_is_compiled_and_how_long_it_took() {
        let elapsed = Duration::from_millis(23_449);
        assert_eq!(
            [running(), CompileProgress::Done { elapsed }].map(|progress| progress.describe()),
            [
                "Compiling thermostat-py.wasm (17.6 MiB); this may take a while",
                "Compiled in 23.4 s"
            ]
        );
    }
}
