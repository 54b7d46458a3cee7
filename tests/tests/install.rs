//! `make install` and `make uninstall`, into a directory of the test.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

/// Every file of an installation, below its prefix.
const FILES: [&str; 11] = [
    "bin/pnp-cloud",
    "bin/pnp-host",
    "lib/systemd/system/pnp-host@.service",
    "share/bash-completion/completions/pnp-cloud",
    "share/bash-completion/completions/pnp-host",
    "share/doc/pnp-host/device.env",
    "share/fish/vendor_completions.d/pnp-cloud.fish",
    "share/fish/vendor_completions.d/pnp-host.fish",
    "share/pnp-host/thermostat.wasm",
    "share/zsh/site-functions/_pnp-cloud",
    "share/zsh/site-functions/_pnp-host",
];

/// Runs `make` with these arguments, `PREFIX=/usr` and this `DESTDIR`.
fn make(arguments: &[&str], destination: &Path) -> Output {
    Command::new("make")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        // The tests themselves may have been started by `make`.
        .env_remove("MAKEFLAGS")
        .args(arguments)
        .arg("PREFIX=/usr")
        .arg(format!("DESTDIR={}", destination.display()))
        .output()
        .expect("make is there")
}

fn succeeds(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The files in a directory, relative to it and sorted.
fn files(dir: &Path) -> Vec<String> {
    let output = Command::new("find")
        .current_dir(dir)
        .args([".", "-type", "f", "-printf", "%P\n"])
        .output();
    let mut files: Vec<_> = succeeds(&output.expect("find is there"))
        .lines()
        .map(str::to_owned)
        .collect();
    files.sort();
    files
}

#[test]
fn what_it_installs_works_under_its_name_and_is_uninstalled_without_a_trace() {
    let destination = TempDir::new().expect("a directory");
    succeeds(&make(&["install"], destination.path()));
    let prefix = destination.path().join("usr");
    assert_eq!(files(&prefix), FILES);
    assert_eq!(files(destination.path()).len(), FILES.len());

    for (program, typed, completed) in [
        ("pnp-host", "rollb", "rollback"),
        ("pnp-cloud", "conn", "connection-string"),
    ] {
        let version = Command::new(prefix.join("bin").join(program))
            .arg("--version")
            .output();
        succeeds(&version.expect("it is executable"));
        // As bash completes `pnp-host rollb` after Tab.
        let script = format!(
            "source '{}' && COMP_WORDS=({program} {typed}) COMP_CWORD=1 && \
             $(complete -p {program} | sed 's/.*-F \\(\\S*\\).*/\\1/') {program} {typed} {program} && \
             echo \"${{COMPREPLY[*]}}\"",
            prefix
                .join("share/bash-completion/completions")
                .join(program)
                .display()
        );
        let bash = Command::new("bash").args(["-c", &script]).output();
        let completions = succeeds(&bash.expect("bash is there"));
        assert_eq!(completions.trim_end(), completed, "{program}");
        for file in FILES
            .iter()
            .filter(|file| file.ends_with(&format!("_{program}")))
        {
            let text = fs::read_to_string(prefix.join(file)).expect("it is text");
            assert!(text.starts_with(&format!("#compdef {program}\n")), "{file}");
        }
    }

    let unit = fs::read_to_string(prefix.join("lib/systemd/system/pnp-host@.service"));
    let unit = unit.expect("it is text");
    assert!(unit.contains("\nExecStart=/usr/bin/pnp-host\n"), "{unit}");

    succeeds(&make(&["uninstall"], destination.path()));
    assert_eq!(files(destination.path()), [""; 0]);
}

#[test]
fn without_a_build_it_installs_nothing_and_names_the_command_that_builds() {
    let destination = TempDir::new().expect("a directory");
    let output = make(&["install", "TARGET=target/none"], destination.path());
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    let line = stderr.lines().next();
    assert_eq!(
        line,
        Some("error: target/none/host is not built; run: make build")
    );
    assert_eq!(files(destination.path()), [""; 0]);
}
