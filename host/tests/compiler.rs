//! What the compiler process is told: the component and its limits, and nothing of the device's secrets.

mod common;

use std::{env, fs, os::unix::fs::symlink};

use common::{Lab, thermostat};
use host::guest::{
    Limits, Wasi,
    compile::{Blame, LoadError},
};

/// A program in the compiler's place, which is to be linked to from where it may write.
const SCRIBE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/scribe.sh");

/// What a program in the compiler's place was given, and the error that came of it.
struct Compiled {
    environment: String,
    arguments: Vec<String>,
    component: Vec<u8>,
    error: String,
}

async fn compiled() -> Compiled {
    compiled_as(false).await
}

async fn compiled_as(in_background: bool) -> Compiled {
    let mut lab = Lab::new(Limits::default(), Wasi::LogOnly);
    lab.compiler.in_background = in_background;
    let dir = tempfile::tempdir().unwrap();
    lab.compiler.program = dir.path().join("scribe.sh");
    symlink(SCRIBE, &lab.compiler.program).unwrap();
    let loaded = lab.load(&thermostat()).await;
    let written = |name| fs::read_to_string(dir.path().join(name)).unwrap();
    Compiled {
        environment: written("environment"),
        arguments: written("arguments").lines().map(str::to_owned).collect(),
        component: fs::read(dir.path().join("component")).unwrap(),
        error: loaded.err().expect("the program fails").to_string(),
    }
}

#[tokio::test]
async fn the_compiler_inherits_no_environment() {
    assert!(env::vars_os().count() > 0, "there is something to inherit");
    assert_eq!(compiled().await.environment, "");
}

#[tokio::test]
async fn the_compiler_is_given_the_component_and_its_limits_and_nothing_else() {
    let Compiled {
        arguments,
        component,
        ..
    } = compiled().await;
    let limits = [
        "component=67108864",
        "compile-time=120000ms",
        "compile-memory=4294967296",
    ];
    let limits = limits.iter().flat_map(|limit| ["--limit", limit]);
    let expected: Vec<_> = ["compile", "--stdout"]
        .into_iter()
        .chain(limits)
        .chain(["--", "-"])
        .collect();
    assert_eq!(arguments, expected);
    assert!(component == fs::read(thermostat()).unwrap());
}

#[tokio::test]
async fn the_compiler_gives_way_beside_a_device_and_not_before_its_start() {
    for (in_background, expected) in [(false, 0), (true, 1)] {
        let arguments = compiled_as(in_background).await.arguments;
        let asked = arguments.iter().filter(|given| **given == "--background");
        assert_eq!(asked.count(), expected);
    }
}

#[tokio::test]
async fn what_the_compiler_could_not_do_is_told_once() {
    let component = thermostat();
    assert_eq!(
        compiled().await.error,
        format!(
            "cannot compile component {}: it is broken",
            component.display()
        )
    );
}

/// Why a component is not loaded with this program in the compiler's place.
async fn error_with(program: &str) -> LoadError {
    let mut lab = Lab::new(Limits::default(), Wasi::LogOnly);
    lab.compiler.program = program.into();
    lab.load(&thermostat()).await.err().expect("it fails")
}

#[tokio::test]
async fn only_a_compiler_that_says_so_blames_the_component() {
    let dir = tempfile::tempdir().unwrap();
    let says_so = dir.path().join("scribe.sh");
    symlink(SCRIBE, &says_so).unwrap();
    let says_so = says_so.to_str().unwrap();
    assert_eq!(error_with(says_so).await.blame(), Blame::Component);
    let fails = error_with("/bin/false").await;
    assert_eq!(fails.blame(), Blame::Machine);
    assert!(fails.reason().contains("compile-memory"), "{fails}");
    let is_not_there = error_with("/no/such/program").await;
    assert_eq!(is_not_there.blame(), Blame::Machine);
}
