//! The commands of README.md and of the first steps in the guides, one after the other in one shell.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use end_to_end::{HostCommand, Process, beacon, thermostat, version};
use tempfile::TempDir;

/// Lines that need no run: what `make` builds and `cargo` tests, the tests themselves are of; there is no Azure here.
const SKIPPED: [&str; 4] = [
    "make build",
    "cargo test",
    "export IOTHUB_",
    "target/release/host --component",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("it is there")
}

/// The code blocks of a page without a language, as lines without comments.
fn blocks(page: &str) -> Vec<Vec<String>> {
    let text = read(page);
    let blocks = text.split("\n```").skip(1).step_by(2);
    blocks
        .filter_map(|block| block.strip_prefix('\n'))
        .map(|block| {
            let lines = block
                .lines()
                .map(|line| line.split("  #").next().unwrap_or_default());
            lines.map(|line| line.trim().to_owned()).collect()
        })
        .collect()
}

/// The commands of a page: lines that begin with one of these words.
fn commands(page: &str, words: &[&str]) -> Vec<String> {
    let lines = blocks(page).into_iter().flatten();
    let lines = lines.filter(|line| words.iter().any(|word| line.starts_with(word)));
    lines
        .filter(|line| !SKIPPED.iter().any(|skipped| line.starts_with(skipped)))
        .collect()
}

/// What `make run` runs after the build.
fn make_run() -> String {
    let makefile = read("Makefile")
        .replace("\\\n", "")
        .replace("$(TARGET)", "target/release");
    let recipe = makefile
        .lines()
        .find_map(|line| line.trim().strip_prefix("@target/release/cloud exec"));
    format!(
        "target/release/cloud exec{}",
        recipe.expect("the Makefile has it")
    )
}

/// Adapts a command to a shell that nobody sits at.
fn adapted(command: &str) -> String {
    let cloud =
        |dir: &str| format!("until target/release/cloud {dir} status >/dev/null 2>&1; do :; done");
    match command {
        "make run" => format!("{} </dev/null &\n{}", make_run(), cloud("--dir target/run")),
        "cloud run" => format!("cloud run &\n{}", cloud("")),
        "host thermostat.wasm" => format!("{command} </dev/null &"),
        // It ends when somebody has seen enough.
        _ if command.contains("--follow") => format!("{command} | head -n 1"),
        _ if command.ends_with("--watch") => {
            format!("{command} </dev/null &\n{}", cloud("--dir target/beacon"))
        }
        // The logic is changed and built between the two.
        _ if command.contains("host history") => format!(
            "cp next.wasm target/thermostat.wasm\nuntil {command} | grep started; do :; done"
        ),
        _ => command.to_owned(),
    }
}

#[test]
fn the_commands_of_the_readme_work_one_after_the_other_in_one_shell() {
    let dir = TempDir::new().expect("a directory");
    let target = dir.path().join("target");
    fs::create_dir(&target).expect("it can be made");
    let release = HostCommand::program();
    let release = release.parent().expect("a folder");
    symlink(release, target.join("release")).expect("it can be linked");
    for path in [
        target.join("thermostat.wasm"),
        dir.path().join("thermostat.wasm"),
    ] {
        fs::copy(thermostat(), path).expect("it can be copied");
    }
    fs::copy(beacon(), target.join("beacon.wasm")).expect("it can be copied");
    fs::write(dir.path().join("next.wasm"), version(&thermostat(), 1)).expect("it can be written");

    let programs = [
        "cloud ",
        "host ",
        "eval ",
        "export ",
        "make run",
        "target/release/",
    ];
    let first_steps = commands("docs/cloud.md", &programs).into_iter().take(6);
    let readme = commands("README.md", &programs);
    let beacon = commands("docs/components.md", &["target/release/"])
        .into_iter()
        .take(2);
    let status = commands(
        "docs/operations.md",
        &["target/release/host status --state-dir"],
    );
    assert_eq!((readme.len(), status.len()), (6, 1), "{readme:?}");
    // As a person may have set it for `host status`.
    let exported = ["export HOST_STATE_DIR=$PWD/target/run/state".to_owned()];
    let script: Vec<_> = first_steps
        .chain(readme)
        .chain(status)
        .chain(exported)
        .chain(beacon)
        .map(|command| adapted(&command))
        .collect();
    let script = format!(
        "set -e\ntrap 'kill $(jobs -p); wait' EXIT\n{}\n\
         target/release/cloud --dir target/beacon events --follow --tail all --kind telemetry | head -n 1\n\
         target/release/host state --state-dir target/run/state --json\n\
         echo finished",
        script.join("\n")
    );
    let mut shell = std::process::Command::new("bash");
    shell
        .env_clear()
        .current_dir(dir.path())
        .args(["-c", &script])
        .env("HOME", dir.path())
        .env("PATH", format!("{}:/usr/bin:/bin", release.display()))
        // The usual ports are for people.
        .env("CLOUD_MQTT", "127.0.0.1:0")
        .env("CLOUD_HTTPS", "127.0.0.1:0")
        .env("CLOUD_CONSOLE_PORT", "0");
    let mut shell = Process::start("the README", &mut shell);
    let state = shell.stdout.wait_for("\"deviceId\"");
    assert!(state.contains("\"deviceId\":\"thermostat-01\""), "{state}");
    shell.stdout.wait_for("finished");
    assert_eq!(shell.wait().code(), Some(0));
}
