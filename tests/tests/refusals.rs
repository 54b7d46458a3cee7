//! Components of other toolchains that cannot run here: each is refused with what to change in the build.

use std::{fs, path::PathBuf};

use end_to_end::{Device, HostCommand, asynchronous, importing, sha256, thermostat};
use tempfile::TempDir;

/// A refused component, and words of the remedy.
struct Refused {
    name: &'static str,
    component: Vec<u8>,
    remedy: &'static str,
}

/// What toolchains make without any option, as far as it matters here, and other imports nobody provides.
fn refused() -> Vec<Refused> {
    let refused = |name, component, remedy| Refused {
        name,
        component,
        remedy,
    };
    vec![
        refused(
            "componentize-qjs",
            asynchronous(&["wasi:cli/stdin@0.2.12"]),
            "add --sync",
        ),
        refused(
            "jco",
            importing(&[
                "wasi:cli/stdout@0.2.12",
                "wasi:http/types@0.2.10",
                "wasi:http/outgoing-handler@0.2.10",
            ]),
            "add -d http -d fetch-event",
        ),
        refused(
            "newer",
            importing(&["wasi:clocks/types@0.3.0"]),
            "offers WASI 0.2, not 0.3.0",
        ),
        refused(
            "newer-async",
            asynchronous(&["wasi:clocks/types@0.3.0"]),
            "offers WASI 0.2, not 0.3.0",
        ),
        refused(
            "another-package",
            importing(&["wasi:keyvalue/store@0.2.0"]),
            "offers the WASI packages cli, clocks",
        ),
        refused(
            "another-contract",
            importing(&["other:place/oracle"]),
            "build it against the contract",
        ),
    ]
}

fn file(folder: &TempDir, refused: &Refused) -> PathBuf {
    let path = folder.path().join(format!("{}.wasm", refused.name));
    fs::write(&path, &refused.component).expect("it can be written");
    path
}

#[test]
fn a_refused_component_is_told_what_to_change_by_a_check_and_at_a_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for refused in refused() {
        let file = file(&folder, &refused);
        let checked = HostCommand::bare().arg("check").arg(&file).to_its_end();
        assert_eq!(checked.code, 1, "{}", refused.name);
        assert!(
            checked.stdout.contains(refused.remedy),
            "{}: {}",
            refused.name,
            checked.stdout
        );
        let started = HostCommand::of(&file)
            .env("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString")
            .env(
                "IOTHUB_DEVICE_CONNECTION_STRING",
                "HostName=localhost;DeviceId=d;SharedAccessKey=c2VjcmV0",
            )
            .to_its_end();
        assert_eq!(started.code, 2, "{}", started.stderr);
        assert!(
            started.stderr.contains(refused.remedy),
            "{}: {}",
            refused.name,
            started.stderr
        );
    }
}

#[test]
fn a_refused_swap_tells_what_to_change_and_the_device_runs_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let device = Device::new();
    let _host = device.start(&thermostat());
    for refused in refused() {
        let answer = device.swap(&file(&folder, &refused), &[]);
        assert_eq!(answer.code, 1, "{}", answer.stdout);
        assert!(
            answer.stderr.contains(refused.remedy),
            "{}: {}",
            refused.name,
            answer.stderr
        );
    }
    assert_eq!(device.runs(), sha256(&thermostat()));
}
