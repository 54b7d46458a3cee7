//! From a `.wasm` file to machine code: compiled in a child process, kept as an image, loaded from there.
//!
//! Compiling is where a component could cost most: a valid one of 3 MB has taken 75 s and 1.36 GB. In a process of its
//! own it can be bounded and killed, and its memory is gone afterwards.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use rustix::process::{Resource, Rlimit, geteuid, setrlimit};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    component::Component,
    engine::engine,
    limits::Limits,
    sandbox::{Sandbox, UnfitError},
};
use crate::amount::{show_bytes, show_time};

/// Images kept: about 1 MB each, and far more than a developer goes back to.
const MAX_IMAGES: usize = 50;
/// The path that stands for standard input.
const STDIN: &str = "-";
/// The wasmtime whose images these are; part of each image's key.
const WASMTIME: &str = "48";

/// Where compiled components are kept and what compiles them.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program whose `compile` command makes an image: the `host` binary.
    pub program: PathBuf,
    /// Owner-only directory of images.
    pub cache: PathBuf,
}

/// Why a component file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the component {}: {reason}", path.display())]
    Unreadable {
        /// The file as given.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file holds something else.
    #[error("{} is not a WebAssembly component: {reason}", path.display())]
    NotAComponent {
        /// The file as given.
        path: PathBuf,
        /// What it seems to be.
        reason: &'static str,
    },
    /// It is no valid component, or takes too much to compile.
    #[error("cannot compile the component {}: {reason}", path.display())]
    Compile {
        /// The file as given.
        path: PathBuf,
        /// What the compiler said.
        reason: String,
    },
    /// It does not fit this host.
    #[error("cannot run the component {}: {reason}", path.display())]
    Unfit {
        /// The file as given.
        path: PathBuf,
        /// Why.
        reason: UnfitError,
    },
    /// The directory of images cannot be used.
    #[error("cannot keep compiled components in {}: {reason}; name another directory with --cache-dir", path.display())]
    Cache {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A component's bytes and what identifies them.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    bytes: Bytes,
    sha256: Arc<str>,
}

impl Compiler {
    /// Loads a component, from its image if there is one, and lets it describe itself. May be dropped at any time; a
    /// child that compiles is killed then.
    pub async fn load(&self, sandbox: &Sandbox, source: &Source) -> Result<Component, LoadError> {
        self.prepare_cache()?;
        let image = self
            .cache
            .join(image_name(sandbox.engine(), &source.sha256));
        let compiled = match open_image(sandbox.engine(), &image) {
            Some(compiled) => compiled,
            None => {
                self.compile(source, sandbox.limits()).await?;
                open_image(sandbox.engine(), &image).ok_or_else(|| LoadError::Compile {
                    path: source.path.clone(),
                    reason: "its image was gone at once; try again".to_owned(),
                })?
            }
        };
        let admitted = Component::admit(sandbox, &compiled, source.sha256.clone()).await;
        admitted.map_err(|reason| LoadError::Unfit {
            path: source.path.clone(),
            reason,
        })
    }

    /// Runs the child, which is given the bytes and not the file, which may change meanwhile. It inherits no environment:
    /// the host's holds the device's key.
    async fn compile(&self, source: &Source, limits: &Limits) -> Result<(), LoadError> {
        let failed = |reason: String| LoadError::Compile {
            path: source.path.clone(),
            reason,
        };
        tracing::info!(component = %source.path.display(), bytes = source.bytes.len(), "compiling the component");
        let told = limits.of_compilation();
        let told = told.flat_map(|limit| ["--limit".to_owned(), limit.to_string()]);
        let child = Command::new(&self.program)
            .arg0("host")
            .args([
                OsString::from("compile"),
                "--cache-dir".into(),
                self.cache.clone().into(),
            ])
            .args(told)
            .args(["--", STDIN])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
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
                    let _ = stdin.write_all(&source.bytes).await;
                }
            };
            tokio::join!(child.wait_with_output(), feeding).0
        };
        let output = tokio::time::timeout(limits.compile_time, compiling)
            .await
            .map_err(|_| {
                failed(format!(
                    "it takes longer than {}; allow more with --limit compile-time=…",
                    show_time(limits.compile_time)
                ))
            })?
            .map_err(|error| failed(format!("cannot run {}: {error}", self.program.display())))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().last().unwrap_or_default();
        let line = line.strip_prefix("error: ").unwrap_or(line);
        // What it could not do is said here in the same words.
        let line = line
            .strip_prefix(&format!("cannot compile the component {STDIN}: "))
            .unwrap_or(line);
        Err(failed(match output.status.code() {
            Some(_) if !line.is_empty() => line.to_owned(),
            _ => format!(
                "the compiler ended with {}; it may use {} and {}, allow more with --limit compile-time=… or \
                 compile-memory=…",
                output.status,
                show_time(limits.compile_time),
                show_bytes(limits.compile_memory)
            ),
        }))
    }

    fn prepare_cache(&self) -> Result<(), LoadError> {
        let unusable = |reason: String| LoadError::Cache {
            path: self.cache.clone(),
            reason,
        };
        if self.cache.exists() && !self.cache.is_dir() {
            return Err(unusable("it is not a directory".to_owned()));
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.cache)
            .map_err(|error| unusable(error.to_string()))?;
        let metadata = fs::metadata(&self.cache).map_err(|error| unusable(error.to_string()))?;
        if !is_private(&metadata) {
            return Err(unusable(
                "others may write to it, and what is in it is run".to_owned(),
            ));
        }
        Ok(())
    }
}

/// Compiles `path`, or standard input for `-`, into the directory of images: what the child process does. Bounds itself
/// first.
pub fn compile_here(path: &Path, cache: &Path, limits: &Limits) -> Result<PathBuf, LoadError> {
    let source = Source::read(path, limits)?;
    let compiler = Compiler {
        program: PathBuf::new(),
        cache: cache.to_owned(),
    };
    compiler.prepare_cache()?;
    bound_this_process(limits);
    let failed = |error: wasmtime::Error| {
        let reason = format!("{error:#}").replace('\n', " ");
        LoadError::Compile {
            path: source.path.clone(),
            reason: format!("{reason}; build or copy it again"),
        }
    };
    let engine = engine().map_err(failed)?;
    let image = cache.join(image_name(&engine, &source.sha256));
    let code = engine.precompile_component(&source.bytes).map_err(failed)?;
    let unusable = |error: io::Error| LoadError::Cache {
        path: cache.to_owned(),
        reason: error.to_string(),
    };
    keep(&image, &code).map_err(unusable)?;
    forget_unused(cache).map_err(unusable)?;
    Ok(image)
}

impl Source {
    /// Reads a component's file, or standard input for `-`.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, LoadError> {
        let unreadable = |reason: String| LoadError::Unreadable {
            path: path.to_owned(),
            reason,
        };
        let too_large = || {
            unreadable(format!(
                "it is larger than {}; build it for release, without debug information, or allow more with --limit \
                 component=…",
                show_bytes(limits.component)
            ))
        };
        let from: Box<dyn Read> = if path == Path::new(STDIN) {
            Box::new(io::stdin())
        } else {
            let file = OpenOptions::new()
                .read(true)
                // A fifo would otherwise wait for a writer.
                .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
                .open(path)
                .map_err(|error| unreadable(io_reason(&error)))?;
            let metadata = file
                .metadata()
                .map_err(|error| unreadable(error.to_string()))?;
            if !metadata.is_file() {
                let reason = "it is not a file; name the component's .wasm file";
                return Err(unreadable(reason.to_owned()));
            }
            if metadata.len() > limits.component {
                return Err(too_large());
            }
            Box::new(file)
        };
        let mut bytes = Vec::new();
        from.take(limits.component + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(error.to_string()))?;
        if bytes.len() as u64 > limits.component {
            return Err(too_large());
        }
        let reason = match bytes.get(..8) {
            Some(b"\0asm\x0d\0\x01\0") => None,
            Some(b"\0asm\x01\0\0\0") => Some(
                "it is a core module; build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`",
            ),
            Some([0, b'a', b's', b'm', ..]) => {
                Some("its version of WebAssembly is unknown; build it for the target wasm32-wasip2")
            }
            _ => Some("it does not begin as WebAssembly does; name the component's .wasm file"),
        };
        if let Some(reason) = reason {
            return Err(LoadError::NotAComponent {
                path: path.to_owned(),
                reason,
            });
        }
        let digest = Sha256::digest(&bytes);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            path: path.to_owned(),
            bytes: bytes.into(),
            sha256: sha256.into(),
        })
    }

    /// Where it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its hash, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &Arc<str> {
        &self.sha256
    }
}

fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied; let this user read it".to_owned(),
        _ => error.to_string(),
    }
}

/// An image fits one component under one wasmtime with one configuration on one kind of processor.
fn image_name(engine: &wasmtime::Engine, sha256: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{sha256}-{WASMTIME}-{:016x}.cwasm", hasher.finish())
}

/// Loads an image if there is one that can be trusted; another one is made in its place.
fn open_image(engine: &wasmtime::Engine, path: &Path) -> Option<wasmtime::component::Component> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || !is_private(&metadata) {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "an image is machine code and must come from our own compiler: file and directory belong to this user, \
                  nobody else may write to them, and images are put there whole under a name that is a hash of the \
                  component, by `compile_here` alone"
    )]
    let component = unsafe { wasmtime::component::Component::deserialize_file(engine, path) };
    if component.is_ok() {
        // When it was last used decides which images are kept; it is no harm if that is not known.
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
    component
        .inspect_err(
            |error| tracing::warn!(image = %path.display(), %error, "the image cannot be loaded"),
        )
        .ok()
}

/// Whether only this user may write to it.
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Puts the image in place whole, so that a reader never sees half of one.
fn keep(image: &Path, code: &[u8]) -> io::Result<()> {
    let part = image.with_extension(format!("{}.part", std::process::id()));
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(code)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&part, image))
        .inspect_err(|_| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&part);
        })
}

/// Removes the images not used for longest, so that a component built again and again does not fill the disk.
fn forget_unused(cache: &Path) -> io::Result<()> {
    let mut images = Vec::new();
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        // Another process may be faster.
        if let Ok(used) = fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            images.push((used, path));
        }
    }
    images.sort();
    let excess = images.len().saturating_sub(MAX_IMAGES);
    for (_, path) in images.into_iter().take(excess) {
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Memory and CPU time as limited, and the lowest priority. A limit that cannot be set leaves the ones of the parent.
fn bound_this_process(limits: &Limits) {
    let bound = |amount: u64| Rlimit {
        current: Some(amount),
        maximum: Some(amount),
    };
    let _ = setrlimit(Resource::As, bound(limits.compile_memory));
    let _ = setrlimit(Resource::Cpu, bound(limits.compile_time.as_secs()));
    let _ = rustix::process::nice(19);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_images_not_used_for_longest_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..MAX_IMAGES as u64 + 3 {
            let file = File::create(dir.path().join(format!("{number}.cwasm"))).unwrap();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(number);
            file.set_modified(used).unwrap();
        }
        forget_unused(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MAX_IMAGES);
        assert!(!dir.path().join("2.cwasm").exists());
        assert!(dir.path().join("3.cwasm").exists());
    }
}
