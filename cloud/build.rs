//! Embeds the built console, the files below `console/dist`, as a table of paths and bytes.
//!
//! Without a built console the table is empty, and the program serves a page that explains this.

use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

const CONSOLE: &str = "console";
const DIST: &str = "console/dist";

fn main() -> io::Result<()> {
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")).join(DIST);
    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    // Cargo treats a missing path as changed at each build.
    let watched = if dist.is_dir() { DIST } else { CONSOLE };
    println!("cargo::rerun-if-changed={watched}");
    let table = files
        .iter()
        .try_fold(String::from("&[\n"), |mut table, file| {
            let name = file.strip_prefix(&dist).map_err(io::Error::other)?;
            let (name, file) = (name.to_string_lossy(), file.to_string_lossy());
            writeln!(table, "({name:?}, include_bytes!({file:?})),").map_err(io::Error::other)?;
            io::Result::Ok(table)
        })?;
    let to = Path::new(&variable("OUT_DIR")).join("console.rs");
    fs::write(to, table + "]")
}

/// Every file below `directory` that is not hidden.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if !is_hidden(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Cargo sets it.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
