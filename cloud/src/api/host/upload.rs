//! A component on its way to the host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use tokio::time::timeout;

use crate::error::HubError;
use crate::files;

/// Larger than any component a host compiles in its time, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;
/// What has not come whole by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file for its owner alone, which goes with this.
pub(super) struct Upload {
    path: PathBuf,
}

impl Upload {
    /// Takes the whole body.
    ///
    /// # Errors
    /// `ArgumentInvalid` if it does not come whole, is too large or no WebAssembly.
    pub(super) async fn receive(body: Body) -> Result<Self, HubError> {
        let bytes = timeout(PATIENCE, read(body)).await.ok().flatten();
        let bytes = bytes.ok_or_else(|| {
            wrong(format!(
                "a component has at most {LIMIT} bytes, and comes within {} s",
                PATIENCE.as_secs()
            ))
        })?;
        if !bytes.starts_with(b"\0asm") {
            return Err(wrong(
                "this is no WebAssembly component: a .wasm file is wanted".into(),
            ));
        }
        let name = format!("cloud-component-{:032x}.wasm", rand::random::<u128>());
        let upload = Self {
            path: std::env::temp_dir().join(name),
        };
        files::write(&upload.path, &bytes, files::PRIVATE)
            .map_err(|error| wrong(format!("it cannot be kept for the host: {error}")))?;
        Ok(upload)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // One that stays is in nobody's way.
        let _ = std::fs::remove_file(&self.path);
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

fn wrong(what: String) -> HubError {
    HubError::ArgumentInvalid(what)
}
