//! Mount namespaces, for tests that change what a host sees of the machine.

use std::{env, process::Command};

/// Returns whether a process may have a mount namespace of its own; says aloud that the test is skipped if not.
///
/// # Panics
/// It may not, and this is CI.
pub fn can_mount() -> bool {
    let unshared = Command::new("unshare").args(["--mount", "true"]).output();
    let can_mount = unshared.is_ok_and(|output| output.status.success());
    if !can_mount {
        assert!(env::var_os("CI").is_none(), "CI runs as root");
        eprintln!("SKIPPED: a mount namespace takes root and `unshare`");
    }
    can_mount
}
