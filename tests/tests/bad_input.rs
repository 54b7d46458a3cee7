//! What people get wrong: one line that names the thing, the cause and the remedy, and an exit code a script can read.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, to panic is to fail"
)]

use std::path::{Path, PathBuf};

use end_to_end::{Cloud, HostCommand, guest, thermostat};

/// Settings, key or component cannot be used.
const UNUSABLE: i32 = 2;
/// The cloud refuses the device.
const REFUSED: i32 = 3;

const KEY: &str = "c2VjcmV0IGtleSBvZiBhIHRlc3Q=";

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

/// It ends with this code, and all it prints is one line with these words in it.
fn ends(host: HostCommand, code: i32, words: &[&str]) {
    let mut process = host.start();
    assert_eq!(
        process.wait().code(),
        Some(code),
        "{}",
        process.stderr.text()
    );
    assert_eq!(process.stdout.text(), "");
    let lines = process.stderr.lines();
    let [line] = &lines[..] else {
        panic!("one line, not {lines:#?}")
    };
    assert!(line.starts_with("error: "), "{line}");
    for word in words {
        assert!(line.contains(word), "no {word:?} in: {line}");
    }
    for never in ["panicked", "stack backtrace", KEY, "secret key of a test"] {
        assert!(!line.contains(never), "{never:?} in: {line}");
    }
}

#[test]
fn settings_that_are_missing_or_wrong_are_named() {
    let thermostat = thermostat();
    let typed = |kind: &str| host(&thermostat).env("IOTHUB_DEVICE_SECURITY_TYPE", kind);
    ends(HostCommand::bare(), UNUSABLE, &["--component"]);
    ends(
        host(&thermostat).without("IOTHUB_DEVICE_SECURITY_TYPE"),
        UNUSABLE,
        &["IOTHUB_DEVICE_SECURITY_TYPE", "DPS", "connectionString"],
    );
    ends(
        typed("dps"),
        UNUSABLE,
        &["\"dps\"", "\"DPS\"", "\"connectionString\""],
    );
    ends(
        host(&thermostat).without("IOTHUB_DEVICE_CONNECTION_STRING"),
        UNUSABLE,
        &["IOTHUB_DEVICE_CONNECTION_STRING is not set"],
    );
    ends(
        host(&thermostat).env("IOTHUB_DEVICE_CONNECTION_STRING", "HostName=h;DeviceId=d"),
        UNUSABLE,
        &["IOTHUB_DEVICE_CONNECTION_STRING", "SharedAccessKey"],
    );
    for variable in [
        "IOTHUB_DEVICE_DPS_ID_SCOPE",
        "IOTHUB_DEVICE_DPS_DEVICE_ID",
        "IOTHUB_DEVICE_DPS_DEVICE_KEY",
    ] {
        ends(
            dps(&thermostat).without(variable),
            UNUSABLE,
            &[variable, "is not set"],
        );
    }
    ends(
        dps(&thermostat).env("IOTHUB_DEVICE_DPS_DEVICE_KEY", "no base64!"),
        UNUSABLE,
        &["IOTHUB_DEVICE_DPS_DEVICE_KEY", "base64"],
    );
    ends(
        dps(&thermostat).env("IOTHUB_DEVICE_DPS_GROUP_KEY", KEY),
        UNUSABLE,
        &["IOTHUB_DEVICE_DPS_DEVICE_KEY and IOTHUB_DEVICE_DPS_GROUP_KEY are both set"],
    );
    ends(
        dps(&thermostat).env("IOTHUB_DEVICE_DPS_ENDPOINT", "name:port"),
        UNUSABLE,
        &["IOTHUB_DEVICE_DPS_ENDPOINT", "NAME:PORT"],
    );
}

#[test]
fn files_and_folders_that_cannot_be_used_are_named() {
    let thermostat = thermostat();
    ends(
        host(&thermostat).arg("--ca").arg("/no/such.pem"),
        UNUSABLE,
        &["/no/such.pem", "PEM"],
    );
    ends(
        host(&thermostat).arg("--ca").arg(&thermostat),
        UNUSABLE,
        &["thermostat.wasm", "PEM"],
    );
    ends(
        host(&thermostat).env("SSL_CERT_FILE", "/no/such.pem"),
        UNUSABLE,
        &[
            "no certificate authorities",
            "ca-certificates",
            "SSL_CERT_FILE",
        ],
    );
    ends(
        host(&thermostat).arg("--cache-dir").arg(&thermostat),
        UNUSABLE,
        &["not a directory", "--cache-dir"],
    );
}

#[test]
fn settings_the_component_does_not_take_are_told_in_its_words() {
    let thermostat = thermostat();
    ends(
        host(&thermostat).set("colour", "red"),
        UNUSABLE,
        &["\"colour\"", "telemetry-interval"],
    );
    ends(
        host(&thermostat).arg("--telemetry-interval").arg("soon"),
        UNUSABLE,
        &["\"soon\"", "8s"],
    );
}

#[test]
fn a_wrong_command_line_shows_how_it_is_written() {
    for (arguments, words) in [
        (&["--set", "novalue"][..], "KEY=VALUE"),
        (&["--no-such-option"], "--help"),
        (&["--log-format", "xml"], "text"),
    ] {
        let host = arguments
            .iter()
            .fold(host(&thermostat()), |host, argument| host.arg(argument));
        let mut process = host.start();
        assert_eq!(process.wait().code(), Some(UNUSABLE));
        assert!(
            process.stderr.text().contains(words),
            "{}",
            process.stderr.text()
        );
    }
}

#[test]
fn components_that_cannot_be_used_are_named_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let whole = std::fs::read(thermostat()).expect("make build leaves it");
    let half = whole.get(..whole.len() / 2).expect("half of it");
    for (path, words) in [
        (
            folder.path().join("missing.wasm"),
            &["missing.wasm", "no such file"][..],
        ),
        (folder.path().to_owned(), &["not a file"]),
        (
            file("text.wasm", b"(component)"),
            &["text.wasm", "not a WebAssembly component"],
        ),
        (
            file("core.wasm", b"\0asm\x01\0\0\0"),
            &["core module", "wasm32-wasip2"],
        ),
        (file("half.wasm", half), &["half.wasm", "cannot compile"]),
        (
            guest("wrong_world"),
            &[
                "imports other:place/oracle",
                "does not export pnp:device/behaviour",
            ],
        ),
        (guest("init_err"), &["does not start"]),
        (guest("init_trap"), &["does not start", "unreachable"]),
    ] {
        let host = if path.starts_with(folder.path()) {
            host(&path)
        } else {
            // What a component prints itself goes to the log, too.
            host(&path).env("RUST_BACKTRACE", "0")
        };
        let mut process = host.start();
        assert_eq!(process.wait().code(), Some(UNUSABLE), "{}", path.display());
        let lines = process.stderr.lines();
        let errors: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with("error: "))
            .collect();
        let [line] = errors[..] else {
            panic!("one error, not {lines:#?}")
        };
        for word in words {
            assert!(line.contains(word), "no {word:?} in: {line}");
        }
    }
}

#[test]
fn a_cloud_that_refuses_the_device_ends_it() {
    let cloud = Cloud::start();
    let wrong = |name: &str, value: &str| {
        HostCommand::bare()
            .arg("--component")
            .arg(thermostat())
            .enrolled(&cloud, "known")
            .env(name, value)
    };
    ends(
        wrong("IOTHUB_DEVICE_DPS_DEVICE_KEY", KEY),
        REFUSED,
        &["known", "check the ID scope", "key"],
    );
    ends(
        wrong("IOTHUB_DEVICE_DPS_ID_SCOPE", "0neFFFFFFFF"),
        REFUSED,
        &["0neFFFFFFFF", "check the ID scope"],
    );
    ends(
        wrong("IOTHUB_DEVICE_DPS_DEVICE_ID", "stranger"),
        REFUSED,
        &["stranger", "registration id"],
    );
    let hub = cloud.running()["hubName"].clone();
    let string = format!(
        "HostName={};DeviceId=known;SharedAccessKey={KEY}",
        hub.as_str().expect("a name")
    );
    ends(
        wrong("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString")
            .env("IOTHUB_DEVICE_CONNECTION_STRING", string),
        REFUSED,
        &["CONNACK 5", "key"],
    );
}

#[test]
fn a_certificate_nobody_vouches_for_ends_the_host() {
    let cloud = Cloud::start();
    let other = Cloud::start();
    let host = HostCommand::bare()
        .arg("--component")
        .arg(thermostat())
        .enrolled(&cloud, "known")
        .env("SSL_CERT_FILE", other.certificate());
    ends(
        host,
        REFUSED,
        &["certificate", "--ca FILE or SSL_CERT_FILE"],
    );
}

#[test]
fn a_certificate_named_with_ca_is_trusted() {
    let cloud = Cloud::start();
    let other = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "known")
        .env("SSL_CERT_FILE", other.certificate())
        .arg("--ca")
        .arg(cloud.certificate())
        .start();
    host.stdout.wait_for("Sent message");
}

#[test]
fn a_hub_that_cannot_be_reached_is_tried_again_and_says_when() {
    let mut process = host(&thermostat()).start();
    for _ in 0..2 {
        let line = process.stderr.wait_for("not connected");
        assert!(
            line.contains("127.0.0.1:1") && line.contains("next_try_in_ms="),
            "{line}"
        );
    }
    assert_eq!(process.stop(), Some(0));
    let mut process = dps(&thermostat()).start();
    process.stderr.wait_for("next_try_in_ms=");
    assert_eq!(process.stop(), Some(0));
}

#[test]
fn a_command_whose_payload_is_not_json_is_refused_by_name() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "t-1")
        .start();
    host.stdout.wait_for("Listening");
    let reply = cloud.call(&["getMaxMinReport", "yesterday"]);
    assert_eq!(reply.status, 400);
    assert!(
        reply.payload["error"].to_string().contains("yesterday"),
        "{:?}",
        reply.payload
    );
}

#[test]
fn the_cloud_says_what_is_in_its_way() {
    let cloud = Cloud::start();
    let running = cloud.running();
    let mqtt = running["mqtt"].as_str().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path");

    let taken = cloud.operate(&[
        "run",
        "--dir",
        path,
        "--mqtt",
        mqtt,
        "--https",
        "127.0.0.1:0",
    ]);
    assert_eq!(taken.code, 2, "{}", taken.stderr);
    assert!(taken.stderr.contains(mqtt), "{}", taken.stderr);

    let locked = cloud.operate(&["run", "--mqtt", "127.0.0.1:0", "--https", "127.0.0.1:0"]);
    assert_eq!(locked.code, 2, "{}", locked.stderr);

    let nobody = cloud.operate(&["twin", "--device", "nobody"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("nobody"), "{}", nobody.stderr);

    let absent = cloud.operate(&["twin", "--dir", path]);
    assert!(absent.stderr.contains("no cloud runs"), "{}", absent.stderr);
    for answer in [taken, locked, nobody, absent] {
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    }
}
