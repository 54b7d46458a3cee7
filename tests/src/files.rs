//! What `make build guests` leaves.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// The component of `make run`.
pub fn thermostat() -> PathBuf {
    built("thermostat.wasm")
}

/// The component of `examples/beacon`.
pub fn beacon() -> PathBuf {
    built("beacon.wasm")
}

/// The test component of this name: `sequence` for `tests/guests/examples/sequence.rs`.
pub fn guest(name: &str) -> PathBuf {
    built(&format!("wasm32-wasip2/guest/examples/{name}.wasm"))
}

/// The bytes of the test component `storm` with this flaw, such as `none` or `trap:7`.
pub(crate) fn storm(flaw: &str) -> Vec<u8> {
    const MARKER: &[u8] = b"storm-flaw=none-----------------";
    let mut bytes = std::fs::read(guest("storm")).expect("it can be read");
    let mut places = bytes
        .windows(MARKER.len())
        .enumerate()
        .filter_map(|(place, window)| (window == MARKER).then_some(place));
    let place = places.next().expect("the component has a marker");
    assert!(places.next().is_none(), "the component has one marker");
    let marker = format!("{:-<1$}", format!("storm-flaw={flaw}"), MARKER.len());
    bytes[place..place + MARKER.len()].copy_from_slice(marker.as_bytes());
    bytes
}

/// The bytes of a component with a custom section more, which changes its hash and nothing else.
pub fn version(component: &Path, number: u32) -> Vec<u8> {
    const NAME: &[u8] = b"version";
    let number = number.to_string();
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).expect("names are short");
    let mut section = vec![length(NAME)];
    section.extend_from_slice(NAME);
    section.extend_from_slice(number.as_bytes());
    let mut bytes = std::fs::read(component).expect("it can be read");
    bytes.extend_from_slice(&[0, length(&section)]);
    bytes.extend_from_slice(&section);
    bytes
}

/// What a file is known by.
pub fn sha256(path: &Path) -> String {
    let digest = Sha256::digest(std::fs::read(path).expect("it can be read"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns true if this is root, and says what is skipped otherwise. In CI it must be.
pub fn is_root(purpose: &str) -> bool {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        assert!(std::env::var_os("CI").is_none(), "CI runs as root");
        eprintln!("skipped: only root {purpose}");
    }
    is_root
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
