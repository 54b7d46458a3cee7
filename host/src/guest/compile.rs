//! Compilation of a `.wasm` file to machine code: in a child process, into a cached image.
//!
//! Compiling is where a component could cost most: a valid one of 3 MB has taken 75 s and 1.36 GB. In a process of its
//! own it can be bounded and killed, and its memory is gone afterwards.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
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
        LoadedImage, MAX_CACHE_SIZE, deserialize, image_name, is_private, open_image, open_private,
        remove_unused, store_image,
    },
    limits::Limits,
    progress::{announced, printed},
    remedy::of_compile_error,
    sandbox::{IncompatibleError, Sandbox},
    source::STDIN,
};
use crate::units::{format_bytes, format_duration};

/// The compiler and its cache of images.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program whose `compile` command makes an image: the `host` binary.
    pub program: PathBuf,
    /// Owner-only directory of images.
    pub cache: PathBuf,
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
        reason: &'static str,
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

    /// Describes the error without naming the file.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Unreadable { reason, .. }
            | Self::Compile { reason, .. }
            | Self::NotCompiled { reason, .. }
            | Self::Cache { reason, .. } => reason.clone(),
            Self::NotAComponent { reason, .. } | Self::Lost { reason, .. } => (*reason).to_owned(),
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
        self.prepare_cache()?;
        let image = self
            .cache
            .join(image_name(sandbox.engine(), source.sha256()));
        let (engine, path) = (sandbox.engine().clone(), image.clone());
        let opening = spawn_blocking(move || open_image(&engine, &path));
        if let Ok(Some(loaded)) = opening.await {
            let was_cached = true;
            return Ok(Image { loaded, was_cached });
        }
        let compiling = self.compile(source, sandbox.limits());
        let code = announced(source, compiling, |progress| progress.log()).await?;
        let engine = sandbox.engine().clone();
        let saving = spawn_blocking(move || save(&engine, &image, &code));
        let failed = |reason| LoadError::NotCompiled {
            path: source.path().to_owned(),
            reason,
        };
        let saved = saving.await.map_err(|error| failed(error.to_string()))?;
        Ok(Image {
            loaded: saved.map_err(|error| failed(format!("{error:#}")))?,
            was_cached: false,
        })
    }

    /// Returns whether a component's machine code is in the cache, unless it turns out to be unusable.
    pub(crate) fn is_cached(&self, sandbox: &Sandbox, source: &ComponentSource) -> bool {
        let name = image_name(sandbox.engine(), source.sha256());
        self.cache.join(name).exists()
    }

    /// Runs the child, which is given the bytes and not the file, which may change meanwhile, and returns the machine code it
    /// prints. It inherits no environment: the host's holds the device's key.
    async fn compile(
        &self,
        source: &ComponentSource,
        limits: &Limits,
    ) -> Result<Vec<u8>, LoadError> {
        let failed = |reason: String| LoadError::NotCompiled {
            path: source.path().to_owned(),
            reason,
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
        let mut child = child
            .map_err(|error| failed(format!("cannot start {}: {error}", self.program.display())))?;
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
            .map_err(|error| failed(format!("cannot run {}: {error}", self.program.display())))?;
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
            _ => failed(format!(
                "the compiler ended with {}; it is limited to {} and {}, raise --limit compile-time=… or \
                 compile-memory=…",
                output.status,
                format_duration(limits.compile_time),
                format_bytes(limits.compile_memory)
            )),
        })
    }

    /// Creates the cache directory if it does not exist, and checks that it is private. On a disk that takes nothing more, it
    /// may be missing.
    pub fn prepare_cache(&self) -> Result<(), LoadError> {
        let unusable = |reason: String| LoadError::Cache {
            path: self.cache.clone(),
            reason,
        };
        if self.cache.exists() && !self.cache.is_dir() {
            return Err(unusable("not a directory".to_owned()));
        }
        let created = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.cache);
        match created {
            Err(error) if is_disk_full(&error) => return Ok(()),
            created => created.map_err(|error| unusable(error.to_string()))?,
        }
        let metadata = fs::metadata(&self.cache).map_err(|error| unusable(error.to_string()))?;
        if !is_private(&metadata) {
            return Err(unusable(
                "other users can write to it, and its images are executed".to_owned(),
            ));
        }
        Ok(())
    }
}

/// The exit code of a compiling process if the component is to blame, as opposed to this machine.
const INVALID: i32 = 2;

/// Returns true if the disk is full or cannot be written.
fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Loads new machine code, and saves it in the cache if that can be written.
fn save(engine: &Engine, image: &Path, code: &[u8]) -> wasmtime::Result<LoadedImage> {
    let code_in_memory = deserialize(engine, code)?;
    if let Err(error) = save_image(image, code) {
        tracing::warn!(
            target: "compilation", image = %image.display(), %error,
            "compiled component not saved; the next start compiles it again"
        );
    }
    let file = open_private(image).map(Arc::new);
    let code = code_in_memory;
    Ok(LoadedImage { code, file })
}

fn save_image(image: &Path, code: &[u8]) -> io::Result<()> {
    store_image(image, code)?;
    let cache = image.parent().unwrap_or(Path::new("."));
    remove_unused(cache, MAX_CACHE_SIZE, image)
}

/// Compiles `path`, or standard input for `-`, into the directory of images. Bounds this process first.
pub fn compile_here(
    path: &Path,
    cache: &Path,
    limits: &Limits,
    in_background: bool,
) -> Result<PathBuf, LoadError> {
    let source = ComponentSource::read(path, limits)?;
    let compiler = Compiler {
        program: PathBuf::new(),
        cache: cache.to_owned(),
        in_background,
    };
    compiler.prepare_cache()?;
    let (engine, code) = compile_bounded(&source, limits, in_background, printed)?;
    let image = cache.join(image_name(&engine, source.sha256()));
    let saved = save_image(&image, &code);
    saved.map_err(|error| LoadError::Cache {
        path: cache.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(image)
}

/// Compiles `path`, or standard input for `-`, and returns the machine code: what the child process does. Bounds this
/// process first.
pub fn compile_for_parent(
    path: &Path,
    limits: &Limits,
    in_background: bool,
) -> Result<Vec<u8>, LoadError> {
    die_with_parent();
    let source = ComponentSource::read(path, limits)?;
    // The parent shows the progress.
    let silently = |_: &ComponentSource, compile: &dyn Fn() -> CompileResult| compile();
    compile_bounded(&source, limits, in_background, silently).map(|(_, code)| code)
}

type CompileResult = wasmtime::Result<Vec<u8>>;

/// Compiles in this process, which is bounded first. `shown` runs the compilation, and may show its progress.
fn compile_bounded(
    source: &ComponentSource,
    limits: &Limits,
    in_background: bool,
    shown: impl FnOnce(&ComponentSource, &dyn Fn() -> CompileResult) -> CompileResult,
) -> Result<(Engine, Vec<u8>), LoadError> {
    bound_this_process(limits);
    if in_background {
        let _ = rustix::process::nice(19);
    }
    let engine = engine().map_err(|error| LoadError::NotCompiled {
        path: source.path().to_owned(),
        reason: format!("{error:#}"),
    })?;
    let compiled = shown(source, &|| engine.precompile_component(source.bytes()));
    let code = compiled.map_err(|error| {
        let reason = format!("{error:#}").replace('\n', " ");
        let remedy = of_compile_error(&reason, source.bytes());
        LoadError::Compile {
            path: source.path().to_owned(),
            reason: format!("{reason}; {remedy}"),
        }
    })?;
    Ok((engine, code))
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
