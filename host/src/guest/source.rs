//! The file of a component.

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
use crate::{machine, units::format_bytes};

/// The path that stands for standard input.
pub(super) const STDIN: &str = "-";

/// The bytes of a component, with path and hash.
#[derive(Clone, Debug)]
pub struct ComponentSource {
    path: PathBuf,
    bytes: Bytes,
    sha256: Arc<str>,
}

impl ComponentSource {
    /// Reads a component's file, or standard input for `-`.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, LoadError> {
        let source = Self::read_unchecked(path, limits)?;
        source.check_header()?;
        Ok(source)
    }

    /// [`read`](Self::read)s a file that need not be a component.
    pub fn read_unchecked(path: &Path, limits: &Limits) -> Result<Self, LoadError> {
        let unreadable = |reason: String| LoadError::Unreadable {
            path: path.to_owned(),
            reason,
            may_pass: false,
        };
        let failed = |error: io::Error| LoadError::Unreadable {
            path: path.to_owned(),
            reason: io_reason(&error),
            may_pass: machine::may_pass(&error),
        };
        let too_large = || {
            unreadable(format!(
                "larger than {}; build it for release, without debug information, or raise --limit component=…",
                format_bytes(limits.component)
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
                .map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if !metadata.is_file() {
                let reason = "not a file; use the component's .wasm file";
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
            .map_err(failed)?;
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

    /// Checks that the file starts with the header of a component.
    pub fn check_header(&self) -> Result<(), LoadError> {
        let reason = match self.bytes.get(..8) {
            Some(b"\0asm\x0d\0\x01\0") => None,
            Some(b"\0asm\x01\0\0\0") => Some(
                "core module; build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`",
            ),
            Some([0, b'a', b's', b'm', ..]) => {
                Some("unknown version of WebAssembly; build it for the target wasm32-wasip2")
            }
            _ => Some("no WebAssembly header; use the component's .wasm file"),
        };
        match reason {
            None => Ok(()),
            Some(reason) => Err(LoadError::NotAComponent {
                path: self.path.clone(),
                reason,
            }),
        }
    }

    /// Returns the path it was read from.
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
        io::ErrorKind::NotFound => "no such file; check the path".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; make it readable for this user".to_owned()
        }
        _ => error.to_string(),
    }
}
