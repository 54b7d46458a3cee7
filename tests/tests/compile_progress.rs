//! What compiles for long says so, wherever a person waits for it.

use std::{fs, path::PathBuf};

use end_to_end::{Device, HostCommand, guest, large};

const ANNOUNCED: &str = "this may take a while";

/// A component that compiles for long, which is in no cache.
fn slow(device: &Device, number: u32) -> PathBuf {
    let file = device.path("large.wasm");
    let number = std::process::id() + number * 1_000_000;
    fs::write(&file, large(number)).expect("it can be written");
    file
}

#[test]
fn a_person_who_compiles_or_starts_a_large_component_is_told() {
    let device = Device::new();
    let file = slow(&device, 1);
    let mut compile = HostCommand::bare().arg("compile").arg(&file).start();
    let line = compile.stderr.wait_for(ANNOUNCED);
    assert!(line.starts_with("Compiling large.wasm (3."), "{line}");
    assert!(line.contains(" MiB)"), "{line}");

    let mut host = device.host(&file).env("HOST_VERBOSE", "0").start();
    let line = host.stderr.wait_for(ANNOUNCED);
    assert!(line.contains("component=\"large.wasm\""), "{line}");
}

#[test]
fn a_person_who_swaps_in_a_large_component_is_told_and_so_is_the_log_of_the_host() {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .env("HOST_VERBOSE", "0")
        .start();
    host.stdout.wait_for("Listening");
    let file = slow(&device, 2);
    let mut swap = HostCommand::bare()
        .arg("swap")
        .arg(&file)
        .arg("--json")
        .state_dir(&device.state())
        .start();
    let line = swap.stderr.wait_for(ANNOUNCED);
    assert!(line.starts_with("Compiling large.wasm (3."), "{line}");
    host.stderr.wait_for(ANNOUNCED);
    assert_eq!(
        device.operate(&["rollback"]).code,
        1,
        "there is no version before"
    );
    assert_eq!(swap.wait().code(), Some(1));
    let steps = swap.stdout.text();
    let requested = steps.matches("\"requested\"").count();
    assert_eq!(requested, 1, "progress is no step: {steps}");
}
