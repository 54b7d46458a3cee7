//! What `make build guests` leaves.

use std::path::{Path, PathBuf};

/// The component of `make run`.
pub fn thermostat() -> PathBuf {
    built("thermostat.wasm")
}

/// The test component of this name: `sequence` for `tests/guests/examples/sequence.rs`.
pub fn guest(name: &str) -> PathBuf {
    built(&format!("wasm32-wasip2/guest/examples/{name}.wasm"))
}

/// The program of this name.
pub(crate) fn program(name: &str) -> PathBuf {
    built(&format!("release/{name}"))
}

/// Where compiled components are kept from one test to the next.
pub(crate) fn cache() -> PathBuf {
    target().join("tmp/end-to-end-cache")
}

fn built(name: &str) -> PathBuf {
    let path = target().join(name);
    assert!(
        path.exists(),
        "there is no {}: run `make build guests`",
        path.display()
    );
    path
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the folder of the workspace")
        .join("target")
}
