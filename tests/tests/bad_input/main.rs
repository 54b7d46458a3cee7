//! What people get wrong: one line that names the thing, the cause and the remedy, and an exit code a script can read.

mod cloud;
mod components;
mod machine;
mod network;
mod settings;
mod state;
mod variables;
mod versions;
mod volumes;

use std::path::Path;

use end_to_end::HostCommand;

/// Settings, key or component cannot be used.
const UNUSABLE: i32 = 2;
/// The cloud refuses the device.
const REFUSED: i32 = 3;

/// As long as Azure's keys.
const KEY: &str = "c2VjcmV0IGtleSBvZiBhIHRlc3Q6IDMyIGJ5dGVzISE=";
const RAW_KEY: &str = "secret key of a test: 32 bytes!!";

/// A host that would start if nothing were wrong; nothing listens where it connects.
fn host(component: &Path) -> HostCommand {
    let string = format!("HostName=127.0.0.1:1;DeviceId=d;SharedAccessKey={KEY}");
    HostCommand::bare()
        .arg("--component")
        .arg(component)
        .env("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString")
        .env("IOTHUB_DEVICE_CONNECTION_STRING", string)
}

fn dps(component: &Path) -> HostCommand {
    host(component)
        .env("IOTHUB_DEVICE_SECURITY_TYPE", "DPS")
        .env("IOTHUB_DEVICE_DPS_ENDPOINT", "127.0.0.1:1")
        .env("IOTHUB_DEVICE_DPS_ID_SCOPE", "0ne1")
        .env("IOTHUB_DEVICE_DPS_DEVICE_ID", "d")
        .env("IOTHUB_DEVICE_DPS_DEVICE_KEY", KEY)
}

/// It ends with this code, and all it prints is one line with these words in it, and no secret.
fn ends(host: HostCommand, code: i32, words: &[&str]) -> String {
    let mut process = host.start();
    let status = process.wait();
    let lines = process.stderr.lines();
    assert_eq!(status.code(), Some(code), "{lines:#?}");
    assert_eq!(process.stdout.text(), "");
    let [line] = &lines[..] else {
        panic!("one line, not {lines:#?}")
    };
    assert!(line.starts_with("error: "), "{line}");
    for word in words {
        assert!(line.contains(word), "no {word:?} in: {line}");
    }
    for never in ["panicked", "stack backtrace", KEY, RAW_KEY] {
        assert!(!line.contains(never), "{never:?} in: {line}");
    }
    line.clone()
}
