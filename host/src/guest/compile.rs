//! Compilation of a `.wasm` file to machine code: in a child process, into a cached image.
//!
//! Compiling is where a component could cost most: a valid one of 3 MB has taken 75 s and 1.36 GB. In a process of its
//! own it can be bounded and killed, and its memory is gone afterwards.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{fs::DirBuilderExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use tokio::{io::AsyncWriteExt, process::Command, task::spawn_blocking};
use wasmtime::Engine;

pub use super::source::ComponentSource;
use super::{
    component::Component,
    engine::engine,
    images::{
        LoadedImage, MAX_CACHE_SIZE, image_name, is_trusted, load_image, open_image, open_trusted,
        remove_unused, store_image,
    },
    limits::Limits,
    progress::{announced, printed},
    remedy::of_compile_error,
    sandbox::{IncompatibleError, Sandbox},
    source::STDIN,
};
use crate::{
    machine,
    units::{format_bytes, format_duration},
};

/// The compiler and its cache of images.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program whose `compile` command makes an image: the `host` binary.
    pub program: PathBuf,
    /// The directory of images; `None` keeps them in memory only.
    pub cache: Option<PathBuf>,
    /// Compile with the lowest priority. Not for a device that waits for its component to start.
    pub in_background: bool,
}

/// The error of a component that could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read component {}: {reason}", path.display())]
    Unreadable {
        /// The file as given.
        path: PathBuf,
        /// The reason.
        reason: String,
        /// True if another try may succeed.
        may_pass: bool,
    },
    /// The file holds something else.
    #[error("{} is not a WebAssembly component: {reason}", path.display())]
    NotAComponent {
        /// The file as given.
        path: PathBuf,
        /// The detected content.
        reason: &'static str,
    },
    /// The stored copy is missing or damaged.
    #[error("cannot read component {}: {reason}", path.display())]
    Lost {
        /// The copy.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// It is not a valid component.
    #[error("cannot compile component {}: {reason}", path.display())]
    Compile {
        /// The file as given.
        path: PathBuf,
        /// The error of the compiler.
        reason: String,
    },
    /// This machine could not compile it within its limits.
    #[error("cannot compile component {}: {reason}", path.display())]
    NotCompiled {
        /// The file as given.
        path: PathBuf,
        /// The reason.
        reason: String,
        /// True if another try may succeed.
        may_pass: bool,
    },
    /// It does not fit this host.
    #[error("cannot run component {}: {reason}", path.display())]
    Incompatible {
        /// The file as given.
        path: PathBuf,
        /// The reason.
        reason: IncompatibleError,
    },
    /// The directory of images cannot be used.
    #[error("cannot use cache directory {}: {reason}; choose another directory with --cache-dir", path.display())]
    Cache {
        /// The directory.
        path: PathBuf,
        /// The reason.
        reason: String,
        /// True if another try may succeed.
        may_pass: bool,
    },
}

/// The party to blame for a component that could not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The component: it will not load here another time either.
    Component,
    /// The copy of it.
    Copy,
    /// The machine, or what this host may use of it: the component may load at another time.
    Machine,
}

impl LoadError {
    /// Returns the party to blame.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::NotAComponent { .. } | Self::Compile { .. } | Self::Incompatible { .. } => {
                Blame::Component
            }
            Self::Lost { .. } => Blame::Copy,
            Self::Unreadable { .. } | Self::NotCompiled { .. } | Self::Cache { .. } => {
                Blame::Machine
            }
        }
    }

    /// Returns true if the machine was short of something, and another try may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreadable { may_pass, .. }
            | Self::NotCompiled { may_pass, .. }
            | Self::Cache { may_pass, .. } => *may_pass,
            Self::NotAComponent { .. }
            | Self::Lost { .. }
            | Self::Compile { .. }
            | Self::Incompatible { .. } => false,
        }
    }

    /// Describes the error without naming the file.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Unreadable { reason, .. }
            | Self::Compile { reason, .. }
            | Self::NotCompiled { reason, .. }
            | Self::Cache { reason, .. } => reason.clone(),
            Self::NotAComponent { reason, .. } => (*reason).to_owned(),
            Self::Lost { reason, .. } => reason.clone(),
            Self::Incompatible { reason, .. } => reason.to_string(),
        }
    }
}

/// A component as machine code, which may fit this host or not.
pub struct Image {
    pub(super) loaded: LoadedImage,
    was_cached: bool,
}

impl Image {
    /// Returns whether the image was in the cache.
    #[must_use]
    pub fn was_cached(&self) -> bool {
        self.was_cached
    }
}

impl Compiler {
    /// Loads a component and lets it describe itself. May be dropped at any time, as [`image`](Self::image).
    pub async fn load(
        &self,
        sandbox: &Sandbox,
        source: &ComponentSource,
    ) -> Result<Component, LoadError> {
        let unfit = |reason| LoadError::Incompatible {
            path: source.path().to_owned(),
            reason,
        };
        let image = self.image(sandbox, source).await?;
        let prepared = sandbox.prepare(&image).map_err(unfit)?;
        let admitted = Component::admit(prepared, source.sha256().clone()).await;
        admitted.map_err(unfit)
    }

    /// A component's machine code, compiled unless it is kept. May be dropped at any time; a child that compiles is killed
    /// then.
    pub async fn image(
        &self,
        sandbox: &Sandbox,
        source: &ComponentSource,
    ) -> Result<Image, LoadError> {
        let name = image_name(sandbox.engine(), source.sha256());
        let saved = match &self.cache {
            None => None,
            Some(cache) => {
                prepare_cache(cache)?;
                Some(cache.join(name))
            }
        };
        if let Some(path) = saved.clone() {
            let engine = sandbox.engine().clone();
            if let Ok(Some(loaded)) = spawn_blocking(move || open_image(&engine, &path)).await {
                let was_cached = true;
                return Ok(Image { loaded, was_cached });
            }
        }
        let compiling = self.compile(source, sandbox.limits());
        let image = announced(source, compiling, |progress| progress.log()).await?;
        let engine = sandbox.engine().clone();
        let loading = spawn_blocking(move || load_and_save(&engine, &image, saved.as_deref()));
        let failed = |reason: String| LoadError::NotCompiled {
            path: source.path().to_owned(),
            reason: format!("cannot load the compiled image: {reason}"),
            may_pass: false,
        };
        let loaded = loading.await.map_err(|error| failed(error.to_string()))?;
        Ok(Image {
            loaded: loaded.map_err(|error| failed(format!("{error:#}")))?,
            was_cached: false,
        })
    }

    /// Returns whether a component's machine code is in the cache, unless it turns out to be unusable.
    pub(crate) fn is_cached(&self, sandbox: &Sandbox, source: &ComponentSource) -> bool {
        let name = image_name(sandbox.engine(), source.sha256());
        let cache = self.cache.as_ref();
        cache.is_some_and(|cache| cache.join(name).exists())
    }

    /// Runs the child, which is given the bytes and not the file, which may change meanwhile. It inherits no environment:
    /// the host's holds the device's key. Returns the machine code, which the child prints.
    async fn compile(
        &self,
        source: &ComponentSource,
        limits: &Limits,
    ) -> Result<Vec<u8>, LoadError> {
        let not_compiled = |reason: String, may_pass: bool| LoadError::NotCompiled {
            path: source.path().to_owned(),
            reason,
            may_pass,
        };
        let failed = |reason: String| not_compiled(reason, false);
        let failed_to = |what: &str, error: io::Error| {
            let program = self.program.display();
            not_compiled(
                format!("cannot {what} {program}: {error}"),
                machine::may_pass(&error),
            )
        };
        tracing::info!(component = %source.path().display(), bytes = source.bytes().len(), "compiling component");
        let limit_args = limits.for_compilation();
        let limit_args = limit_args.flat_map(|limit| ["--limit".to_owned(), limit.to_string()]);
        let child = Command::new(&self.program)
            .arg0("host")
            .args(["compile", "--stdout"])
            .args(limit_args)
            .args(self.in_background.then_some("--background"))
            .args(["--", STDIN])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|error| failed_to("start", error))?;
        let stdin = child.stdin.take();
        let compiling = async {
            let feeding = async {
                if let Some(mut stdin) = stdin {
                    // A child that stops reading says why.
                    let _ = stdin.write_all(source.bytes()).await;
                }
            };
            tokio::join!(child.wait_with_output(), feeding).0
        };
        let output = tokio::time::timeout(limits.compile_time, compiling)
            .await
            .map_err(|_| {
                failed(format!(
                    "compilation takes longer than {}; raise --limit compile-time=…",
                    format_duration(limits.compile_time)
                ))
            })?
            .map_err(|error| failed_to("run", error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().last().unwrap_or_default();
        let line = line.strip_prefix("error: ").unwrap_or(line);
        // The child's error starts with the same words as this one.
        let line = line
            .strip_prefix(&format!("cannot compile component {STDIN}: "))
            .unwrap_or(line);
        Err(match output.status.code() {
            Some(INVALID) => LoadError::Compile {
                path: source.path().to_owned(),
                reason: line.to_owned(),
            },
            Some(_) if !line.is_empty() => failed(line.to_owned()),
            _ => {
                let reason = format!(
                    "the compiler ended with {}; it is limited to {} and {}, raise --limit compile-time=… or \
                     compile-memory=…",
                    output.status,
                    format_duration(limits.compile_time),
                    format_bytes(limits.compile_memory)
                );
                // The kernel kills when memory is short.
                not_compiled(
                    reason,
                    output.status.signal() == Some(Signal::KILL.as_raw()),
                )
            }
        })
    }
}

/// Creates the cache directory if it does not exist, and checks that only this user and root can write to it. On a disk that
/// takes nothing more, it may be missing.
///
/// # Errors
/// [`LoadError::Cache`].
pub fn prepare_cache(cache: &Path) -> Result<(), LoadError> {
    let unusable = |reason: &str, may_pass: bool| LoadError::Cache {
        path: cache.to_owned(),
        reason: reason.to_owned(),
        may_pass,
    };
    let failed = |error: io::Error| unusable(&error.to_string(), machine::may_pass(&error));
    if cache.exists() && !cache.is_dir() {
        return Err(unusable("not a directory", false));
    }
    match DirBuilder::new().recursive(true).mode(0o700).create(cache) {
        Err(error) if is_disk_full(&error) => return Ok(()),
        created => created.map_err(failed)?,
    }
    match is_trusted(&fs::metadata(cache).map_err(failed)?) {
        true => Ok(()),
        false => {
            let reason = "other users can write to it, and its images are executed";
            Err(unusable(reason, false))
        }
    }
}

/// Returns true if the disk is full or cannot be written.
fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Loads new machine code, and saves it if there is a place for it that can be written.
fn load_and_save(
    engine: &Engine,
    code: &[u8],
    path: Option<&Path>,
) -> wasmtime::Result<LoadedImage> {
    let component = load_image(engine, code)?;
    if let Some(path) = path
        && let Err(error) = save_image(path, code)
    {
        tracing::warn!(
            image = %path.display(),
            "cannot save the compiled component: {error}; it is compiled at each start; choose another directory with \
             --cache-dir"
        );
    }
    let file = path.and_then(open_trusted).map(Arc::new);
    Ok(LoadedImage { component, file })
}

/// Saves an image in the cache.
fn save_image(path: &Path, code: &[u8]) -> io::Result<()> {
    store_image(path, code)?;
    let cache = path.parent().unwrap_or(Path::new("."));
    remove_unused(cache, MAX_CACHE_SIZE, path)
}

/// The exit code of a compiling process if the component is to blame, as opposed to this machine.
const INVALID: i32 = 2;

/// Compiles `path`, or standard input for `-`, into the directory of images, and returns the image's path. Bounds this
/// process first.
///
/// # Errors
/// The component cannot be compiled, or its image cannot be stored.
pub fn compile_here(
    path: &Path,
    cache: &Path,
    limits: &Limits,
    in_background: bool,
) -> Result<PathBuf, LoadError> {
    prepare_cache(cache)?;
    let (name, code) = compile_to_memory(path, limits, in_background)?;
    let image = cache.join(name);
    let unusable = |error: io::Error| LoadError::Cache {
        path: cache.to_owned(),
        reason: error.to_string(),
        may_pass: machine::may_pass(&error),
    };
    save_image(&image, &code).map_err(unusable)?;
    Ok(image)
}

/// Compiles `path`, or standard input for `-`, and returns the machine code with the image's name: what the child process does.
/// Bounds itself first.
///
/// # Errors
/// The component cannot be compiled.
pub fn compile_to_memory(
    path: &Path,
    limits: &Limits,
    in_background: bool,
) -> Result<(String, Vec<u8>), LoadError> {
    if path == Path::new(STDIN) {
        die_with_parent();
    }
    let source = ComponentSource::read(path, limits)?;
    bound_this_process(limits);
    if in_background {
        let _ = rustix::process::nice(19);
    }
    let engine = engine().map_err(|error| LoadError::NotCompiled {
        path: source.path().to_owned(),
        reason: format!("{error:#}"),
        may_pass: false,
    })?;
    let compile = || engine.precompile_component(source.bytes());
    let compiled = match path == Path::new(STDIN) {
        // The process that waits for this one shows the progress.
        true => compile(),
        false => printed(&source, compile),
    };
    let code = compiled.map_err(|error| {
        let reason = format!("{error:#}").replace('\n', " ");
        let remedy = of_compile_error(&reason, source.bytes());
        LoadError::Compile {
            path: source.path().to_owned(),
            reason: format!("{reason}; {remedy}"),
        }
    })?;
    Ok((image_name(&engine, source.sha256()), code))
}

/// Lets this process end with the host that has started it, even if that is killed: nobody waits for the image then.
fn die_with_parent() {
    // Without it, the limits end this process.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}

/// Memory and CPU time as limited, and the first to go when the machine's memory is short. A limit that
/// cannot be set leaves the ones of the parent.
fn bound_this_process(limits: &Limits) {
    let bound = |amount: u64| Rlimit {
        current: Some(amount),
        maximum: Some(amount),
    };
    let _ = setrlimit(Resource::As, bound(limits.compile_memory));
    let _ = setrlimit(Resource::Cpu, bound(limits.compile_time.as_secs()));
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}
