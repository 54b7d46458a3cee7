//! The commands that hints name: this program as it was called.

use std::{env, path::Path};

/// Returns a command line of this program, such as `pnp-host outbox` or `target/release/host outbox`.
pub(crate) fn command(arguments: &str) -> String {
    let called = env::args_os().next().unwrap_or_default();
    let called = called.to_string_lossy();
    // Programs of another name use the library.
    let is_host = Path::new(&*called)
        .file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with("host"));
    let name = if is_host { &*called } else { "host" };
    format!("{name} {arguments}")
}
