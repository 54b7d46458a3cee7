//! The commands that hints name: this program as it was called, with the directory it was given.

use std::{
    env,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::shell::quoted;

/// The directory given with `--dir`.
static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// Notes the directory of the option `--dir`. One from a variable is not for hints: they are for the same shell.
pub(crate) fn in_directory(dir: &Path) {
    let _ = DIRECTORY.set(dir.to_owned());
}

/// Returns a command line of this program, such as `target/release/cloud --dir target/run enroll ID`.
pub(crate) fn command(arguments: &str) -> String {
    match DIRECTORY.get() {
        Some(dir) => command_in(dir, arguments),
        None => format!("{} {arguments}", name()),
    }
}

/// Returns a command line of this program for the cloud in `dir`.
pub(crate) fn command_in(dir: &Path, arguments: &str) -> String {
    let dir = quoted(&dir.to_string_lossy());
    format!("{} --dir {dir} {arguments}", name())
}

/// Returns the name this program was called by, such as `pnp-cloud` or `target/release/cloud`.
pub(crate) fn name() -> String {
    let called = env::args_os().next().filter(|name| !name.is_empty());
    called.map_or("cloud".into(), |name| quoted(&name.to_string_lossy()))
}
