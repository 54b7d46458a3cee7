//! A component on its way to the host.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use tokio::time::timeout;

use crate::api::Error;
use crate::files;

/// Larger than any component a host compiles in its time, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;
/// What has not come whole by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest name, in characters, without what follows the last dot.
const LONGEST_NAME: usize = 64;

/// A file in a directory of its own, for its owner alone, which go with this.
pub(super) struct Upload {
    dir: PathBuf,
    file: PathBuf,
}

impl Upload {
    /// Takes the whole body. The host tells of it by its name, so it is kept under the one it has at the sender's, as far as
    /// that can be.
    ///
    /// # Errors
    /// `ArgumentInvalid` if it does not come whole, is too large or no WebAssembly.
    pub(super) async fn receive(body: Body, name: &str) -> Result<Self, Error> {
        let bytes = timeout(PATIENCE, read(body)).await.ok().flatten();
        let bytes = bytes.ok_or_else(|| {
            Error::invalid(format!(
                "a component has at most {LIMIT} bytes, and comes within {} s",
                PATIENCE.as_secs()
            ))
        })?;
        if !bytes.starts_with(b"\0asm") {
            return Err(Error::invalid(
                "this is no WebAssembly component: a .wasm file is wanted",
            ));
        }
        let dir = format!("cloud-component-{:032x}", rand::random::<u128>());
        let dir = std::env::temp_dir().join(dir);
        let file = dir.join(file_name(name));
        let upload = Self { dir, file };
        upload
            .write(&bytes)
            .map_err(|error| Error::invalid(format!("it cannot be kept for the host: {error}")))?;
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
        // One that stays is in nobody's way.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A name for a file that is called so elsewhere: its letters and digits, with `-`, `_` and dots between them, and `.wasm`.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last.strip_suffix(".wasm").unwrap_or(last);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let words = stem.split(|c| !is_plain(c)).filter(|word| !word.is_empty());
    let stem: String = words.collect::<Vec<_>>().join("-");
    let stem: String = stem.chars().take(LONGEST_NAME).collect();
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
        if bytes.len() > LIMIT {
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
            (&long, &format!("{}.wasm", &long[..LONGEST_NAME])),
        ] {
            assert_eq!(file_name(name), kept, "{name:?}");
        }
    }
}
