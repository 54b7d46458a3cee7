//! The command line as people expect it.

use std::{
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::Stdio,
};

use rustix::process::{Signal, getuid};
use serde_json::Value;

use crate::process::{Service, cloud, code, signal, stderr, stdout, variable};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn following_begins_with_the_last_ten_events() {
    let service = Service::start();
    for number in 1..=12 {
        service.shown(&["device", "add", &format!("t-{number}")]);
    }
    let first = |arguments: &[&str]| {
        let mut follow = service
            .command(&[&["events", "--follow", "--json"], arguments].concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        signal(&follow, Signal::TERM);
        follow.wait().unwrap();
        parsed(&line)["device"].as_str().unwrap().to_owned()
    };
    assert_eq!(first(&[]), "t-3");
    assert_eq!(first(&["-n", "2"]), "t-11");
    assert_eq!(first(&["--tail", "all"]), "t-1");
    assert_eq!(first(&["--since", "5"]), "t-6");
    assert_eq!(first(&["--since", "1h"]), "t-1");

    let count = |arguments: &[&str]| {
        let shown = service.shown(&[&["events"], arguments].concat());
        shown.lines().count()
    };
    assert_eq!(count(&[]), 12);
    assert_eq!(count(&["--until", "1h"]), 0);
    assert_eq!(count(&["--since", "1h", "--until", "0s"]), 12);
    assert_eq!(count(&["--since", "2026-01-01T00:00:00Z"]), 12);
}

#[test]
fn numbers_are_shown_with_the_digits_they_were_sent_with() {
    let service = Service::start();
    service.shown(&["device", "add", "t-1"]);
    let number = "2.50e3";
    service.shown(&["set", "target", number, "--no-wait", "--device", "t-1"]);
    let shown = service.shown(&["events", "--kind", "desired"]);
    assert!(
        shown.ends_with("desired      {\"target\":2.50e3} (version 2)\n"),
        "{shown}"
    );
}

#[test]
fn events_of_a_device_that_is_not_there_are_an_error() {
    let service = Service::start();
    // This fault is in the events of every device, but makes none known.
    service.shown(&["fault", "reset"]);
    let unknown = service.operate(&["events", "--follow", "--device", "nosuch"]);
    assert_eq!(code(&unknown), 1);
    let program = env!("CARGO_BIN_EXE_cloud");
    assert_eq!(
        stderr(&unknown),
        format!(
            "error: there is no device nosuch; `{program} devices` lists the registered ones\n"
        )
    );
    service.shown(&["enroll", "t-1"]);
    service.shown(&["events", "--device", "t-1"]);
    service.shown(&["device", "add", "t-2"]);
    service.shown(&["device", "delete", "t-2"]);
    let deleted = service.shown(&["events", "--device", "t-2", "--kind", "deleted"]);
    assert!(deleted.contains("t-2  deleted"), "{deleted}");
}

#[test]
fn a_cloud_of_another_user_is_not_yours_to_read() {
    if !getuid().is_root() {
        eprintln!("skipped: only root can run a command as another user");
        return;
    }
    let service = Service::start();
    // The program may be where only root can go.
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = dir.path().join("cloud");
    std::fs::copy(env!("CARGO_BIN_EXE_cloud"), &program).unwrap();
    for command in ["devices", "status"] {
        let mut run = std::process::Command::new(&program);
        let run = run.arg(command).env("CLOUD_DIR", service.place().path());
        let output = run.uid(65_534).gid(65_534).output().unwrap();
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        let said = stderr(&output);
        assert!(
            said.contains("permission denied; a cloud is for the user who started it"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_added_disabled_enabled_and_deleted() {
    let service = Service::start();
    let added = service.shown(&["device", "add", "t-1"]);
    let text = variable(&added, "IOTHUB_DEVICE_CONNECTION_STRING");
    let shown = service.shown(&["connection-string", "--device", "t-1"]);
    assert_eq!(text.trim_matches('\''), shown.trim());
    assert_eq!(
        variable(&added, "IOTHUB_DEVICE_SECURITY_TYPE"),
        "connectionString"
    );
    assert!(variable(&added, "SSL_CERT_FILE").ends_with("/ca-bundle.pem"));
    let again = service.operate(&["device", "add", "t-1"]);
    assert_eq!(code(&again), 1);
    assert!(
        stderr(&again).contains("connection-string --device t-1` prints"),
        "{}",
        stderr(&again)
    );

    service.shown(&["device", "add", "t-2"]);
    let disabled = service.shown(&["device", "disable", "t-1", "t-2"]);
    assert_eq!(disabled, "device t-1 disabled\ndevice t-2 disabled\n");
    assert!(
        service
            .shown(&["devices"])
            .lines()
            .all(|line| line.ends_with("disabled"))
    );
    let status = parsed(&service.shown(&["status", "--json"]));
    assert_eq!(status["devices"]["disabled"], 2);
    service.shown(&["device", "enable", "t-1"]);
    service.shown(&["device", "delete", "t-2"]);
    let left = service.shown(&["devices"]);
    assert!(
        left.starts_with("t-1 ") && !left.contains("disabled") && left.lines().count() == 1,
        "{left}"
    );

    let unknown = service.operate(&["device", "disable", "nosuch"]);
    assert_eq!(code(&unknown), 1);
    drop(service.device("t-3", &[]).await);
    let deleted = service.operate(&["device", "delete", "t-3"]);
    assert!(
        stderr(&deleted).contains("t-3 is still enrolled"),
        "{}",
        stderr(&deleted)
    );
}

#[test]
fn the_status_says_where_the_cloud_is_and_since_when() {
    let service = Service::start();
    let running = service.running();
    let text = service.shown(&["status"]);
    for part in [
        &running.mqtt.to_string(),
        &running.https.to_string(),
        &running.id_scope,
        "0 registered",
        ", up ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = parsed(&service.shown(&["status", "--json"]));
    assert_eq!(json["pid"], service.child.id());
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn broken_json_is_an_error_that_shows_how_to_send_a_string() {
    let service = Service::start();
    service.shown(&["device", "add", "t-1"]);
    for arguments in [
        &["set", "x", "{bad"][..],
        &["tag", "x", "{bad"],
        &["call", "x", "{bad"],
    ] {
        let output = service.operate(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        let said = stderr(&output);
        assert!(
            said.contains("to send it as a string, write '\"{bad\"'"),
            "{said}"
        );
    }
    service.shown(&["set", "--no-wait", "mode", "eco"]);
    service.shown(&["set", "--no-wait", "label", "\"{bad\""]);
    let twin = service.shown(&["twin"]);
    assert!(
        twin.contains("\"mode\": \"eco\"") && twin.contains("\"label\": \"{bad\""),
        "{twin}"
    );
}

#[test]
fn hints_name_the_program_and_the_directory_as_they_were_given() {
    let dir = tempfile::TempDir::new().unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cloud"), bin.join("pnp-cloud")).unwrap();
    let script = "bin/pnp-cloud --dir some devices; PATH=$PWD/bin; pnp-cloud devices; pnp-cloud exec --dir some true";
    let mut shell = cloud(&[]);
    let shell = std::process::Command::new("/bin/sh")
        .args(["-c", script])
        .current_dir(dir.path())
        .env_clear()
        .envs(
            shell
                .env("XDG_DATA_HOME", dir.path())
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .output()
        .unwrap();
    let said = stderr(&shell);
    for hint in [
        "`bin/pnp-cloud --dir some run`",
        "`pnp-cloud run`",
        "run: pnp-cloud --dir some events --follow",
    ] {
        assert!(said.contains(hint), "{hint}: {said}");
    }
    assert_eq!(stdout(&shell), "");
}
