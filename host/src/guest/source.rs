//! A component's file.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{compile::LoadError, limits::Limits};
use crate::amount::show_bytes;

/// The path that stands for standard input.
pub(super) const STDIN: &str = "-";

/// A component's bytes and what identifies them.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    bytes: Bytes,
    sha256: Arc<str>,
}

impl Source {
    /// Reads a component's file, or standard input for `-`.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, LoadError> {
        let source = Self::read_any(path, limits)?;
        source.check_kind()?;
        Ok(source)
    }

    /// [`read`](Self::read)s a file that need not be a component.
    pub fn read_any(path: &Path, limits: &Limits) -> Result<Self, LoadError> {
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
        let digest = Sha256::digest(&bytes);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            path: path.to_owned(),
            bytes: bytes.into(),
            sha256: sha256.into(),
        })
    }

    /// Checks that it begins as a component does.
    pub fn check_kind(&self) -> Result<(), LoadError> {
        let reason = match self.bytes.get(..8) {
            Some(b"\0asm\x0d\0\x01\0") => None,
            Some(b"\0asm\x01\0\0\0") => Some(
                "it is a core module; build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`",
            ),
            Some([0, b'a', b's', b'm', ..]) => {
                Some("its version of WebAssembly is unknown; build it for the target wasm32-wasip2")
            }
            _ => Some("it does not begin as WebAssembly does; name the component's .wasm file"),
        };
        match reason {
            None => Ok(()),
            Some(reason) => Err(LoadError::NotAComponent {
                path: self.path.clone(),
                reason,
            }),
        }
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
