//! The libraries most likely to be replaced stay behind their seams.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Files under `src` that name a crate.
fn naming(library: &str) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<_> = sources(&source)
        .into_iter()
        .filter(|path| {
            fs::read_to_string(path)
                .unwrap()
                .contains(&format!("{library}::"))
        })
        .map(|path| {
            path.strip_prefix(&source)
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    files
}

#[test]
fn only_one_file_names_the_mqtt_codec() {
    assert_eq!(naming("rumqttc"), ["mqtt/codec.rs"]);
}

#[test]
fn only_one_file_names_the_database() {
    assert_eq!(naming("redb"), ["store/database.rs"]);
}

#[test]
fn only_the_guest_folder_names_the_wasm_engine() {
    for library in ["wasmtime", "wasmtime_wasi"] {
        let files = naming(library);
        assert!(
            files.iter().all(|file| file.starts_with("guest/")),
            "{files:?}"
        );
    }
}
