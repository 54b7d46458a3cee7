//! An uploaded component, stored for the host to read.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::body::Body;
use futures::StreamExt;
use tokio::time::timeout;

use crate::{api::Error, files};

/// The largest component, in bytes: a host compiles no larger one in time.
const MAX_COMPONENT: usize = 64 * 1024 * 1024;
/// The time for a whole component to arrive.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest file name, in characters, without its extension.
const MAX_NAME: usize = 64;

/// A file in a directory of its own, with owner-only access. Both are removed on drop.
pub(super) struct Upload {
    dir: PathBuf,
    file: PathBuf,
}

impl Upload {
    /// Receives the whole body and stores it. The file keeps the name it has at the sender, as far as that is safe, because
    /// the host logs the name.
    ///
    /// # Errors
    /// `ArgumentInvalid` if it is incomplete, too large or not WebAssembly.
    pub(super) async fn receive(body: Body, name: &str) -> Result<Self, Error> {
        let bytes = timeout(UPLOAD_TIMEOUT, read(body)).await.ok().flatten();
        let bytes = bytes.ok_or_else(|| {
            Error::invalid(format!(
                "component not received: at most {MAX_COMPONENT} bytes are accepted, within {} s",
                UPLOAD_TIMEOUT.as_secs()
            ))
        })?;
        if !bytes.starts_with(b"\0asm") {
            return Err(Error::invalid(
                "not a WebAssembly component: upload a .wasm file",
            ));
        }
        let dir = format!("cloud-component-{:032x}", rand::random::<u128>());
        let dir = std::env::temp_dir().join(dir);
        let file = dir.join(file_name(name));
        let upload = Self { dir, file };
        upload.write(&bytes).map_err(|error| {
            Error::invalid(format!("cannot store the component for the host: {error}"))
        })?;
        Ok(upload)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(&self.dir)?;
        files::write(&self.file, bytes, files::PRIVATE).map(drop)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A leftover in the temporary directory is harmless.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Returns a safe file name made of `name`: letters, digits, `-`, `_` and dots, with the extension `.wasm`.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last.strip_suffix(".wasm").unwrap_or(last);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let words = stem.split(|c| !is_plain(c)).filter(|word| !word.is_empty());
    let stem: String = words.collect::<Vec<_>>().join("-");
    let stem: String = stem.chars().take(MAX_NAME).collect();
    match stem.trim_matches(['.', '-', '_']) {
        "" => "component.wasm".to_owned(),
        stem => format!("{stem}.wasm"),
    }
}

async fn read(body: Body) -> Option<Vec<u8>> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.ok()?);
        if bytes.len() > MAX_COMPONENT {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_as_far_as_it_can_name_a_file() {
        let long = "x".repeat(1000);
        for (name, kept) in [
            ("thermostat-0.2.0.wasm", "thermostat-0.2.0.wasm"),
            ("C:\\build\\two.wasm", "two.wasm"),
            ("/home/me/two.wasm", "two.wasm"),
            ("two", "two.wasm"),
            ("my build (2).wasm", "my-build-2.wasm"),
            ("wärme\0\n.wasm", "w-rme.wasm"),
            ("../..", "component.wasm"),
            (".wasm", "component.wasm"),
            ("", "component.wasm"),
            (&long, &format!("{}.wasm", &long[..MAX_NAME])),
        ] {
            assert_eq!(file_name(name), kept, "{name:?}");
        }
    }
}
