//! Every command with `--json`, beside docs/cli.md.

use std::path::Path;

use end_to_end::{Cloud, Device, Documents, HostCommand, guest, thermostat};
use host::{
    cause::Cause,
    clock::SystemClock,
    hub::message::TelemetryMessage,
    status::{
        CallStats, ComponentSetting, ComponentState, ConnectionState, ConnectionStatus, LastError,
        OutboxStatus, QuarantinedVersion, RateLimitStatus, Status, StoreStatus, SuspendedCause,
    },
    store::{
        DeviceStore, Retention, StateDir,
        batch::{Batch, DeadLetterChange},
        dead_letter::CloudMessage,
        outbox::Outgoing,
        writer::Store,
    },
    versions::{HistoryEntry, RunningVersion, SwapSource, SwapStep, VersionInfo},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

fn lines(text: &str) -> Vec<Value> {
    let parsed = |line| serde_json::from_str(line).expect("each line is JSON");
    text.lines().map(parsed).collect()
}

#[test]
fn the_documents_of_cloud_are_those_of_the_page() {
    let mut documents = Documents::read();
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .set("telemetry-interval", "100ms")
        .enrolled(&cloud, "thermostat-01")
        .start();
    host.stdout.wait_for("Sent message");

    documents.check("cloud run", &Cloud::announcement());
    for (command, arguments) in [
        ("cloud set", &["set", "targetTemperature", "23.5"][..]),
        ("cloud tag", &["tag", "site", "{\"a\": 1}"]),
        ("cloud send", &["send", "hello"]),
        ("cloud status", &["status"]),
        ("cloud enroll", &["enroll", "t-2"]),
        ("cloud device add", &["device", "add", "t-3"]),
        ("cloud device disable", &["device", "disable", "t-3"]),
        ("cloud device enable", &["device", "enable", "t-3"]),
        ("cloud device delete", &["device", "delete", "t-3"]),
        ("cloud connection-string", &["connection-string"]),
        ("cloud console", &["console"]),
        ("cloud console", &["console", "--sign-out"]),
        (
            "cloud load",
            &["load", "--devices", "2", "--rate", "20", "--duration", "1s"],
        ),
        (
            "cloud fault",
            &["fault", "slow", "--latency", "1ms", "--duration", "1h"],
        ),
    ] {
        documents.check(command, &cloud.ask(&[arguments, &["--json"]].concat()));
    }
    cloud.call(&["getMaxMinReport"]);
    drop(host);
    for event in lines(&cloud.operate(&["events", "--json"]).stdout) {
        documents.check("cloud events", &event);
    }
    documents.assert_all_seen("cloud");

    for arguments in [&["devices"][..], &["query", "SELECT * FROM devices"]] {
        let rows = cloud.ask(&[arguments, &["--json"]].concat());
        assert!(
            rows[0]["deviceId"].is_string() && rows[0]["authentication"].is_null(),
            "{rows}"
        );
    }
    let twin = cloud.ask(&["twin", "--json"]);
    assert!(
        twin["properties"].is_object() && twin["schemaVersion"].is_null(),
        "{twin}"
    );
}

#[tokio::test]
async fn the_documents_of_host_are_those_of_the_page() {
    let mut documents = Documents::read();
    let device = Device::new();
    let mut host = device
        .host(&thermostat())
        .set("telemetry-interval", "100ms")
        .env("HOST_PROBATION_TIME", "1h")
        .start();
    host.stdout.wait_for("Sent message");
    device.cloud.set(&["targetTemperature", "23.5"]);
    documents.check("host status", &device.status());
    documents.check(
        "host reconnect",
        &device.operate(&["reconnect", "--json"]).json(),
    );
    let next = device.version(&thermostat(), 1);
    for step in lines(&device.swap(&next, &["--json"]).stdout) {
        documents.check("host swap", &step);
    }
    documents.check("host status", &device.status());
    for step in lines(&device.operate(&["rollback", "--json"]).stdout) {
        documents.check("host rollback", &step);
    }
    documents.check("host status", &device.status());
    for entry in device.history() {
        documents.check("host history", &entry);
    }
    documents.check("host state", &device.operate(&["state", "--json"]).json());

    let checked = HostCommand::bare()
        .arg("check")
        .arg(thermostat())
        .arg("--json");
    documents.check("host check", &checked.to_its_end().json());
    let compiled = HostCommand::bare()
        .arg("compile")
        .arg(thermostat())
        .arg("--json");
    documents.check("host compile", &compiled.to_its_end().json());
    dead_letters(&mut documents).await;
    documents.assert_all_seen("host");
}

#[test]
fn what_a_status_and_a_history_have_at_times_is_on_the_page_too() {
    let mut documents = Documents::read();
    let version = || VersionInfo {
        name: "thermostat".to_owned(),
        version: "1".to_owned(),
        model_id: "dtmi:com:example:Thermostat;1".to_owned(),
        sha256: "ab".to_owned(),
    };
    let running = || RunningVersion {
        info: version(),
        since: Timestamp::UNIX_EPOCH,
    };
    let reason = || "why".to_owned();
    let step = HistoryEntry {
        rolled_back_to: Some(version()),
        file: Some("a.wasm".into()),
        pause_ms: Some(0.3),
        undone_batches: Some(1),
        dropped_messages: Some(1),
        redelivered_messages: Some(1),
        ..HistoryEntry::new(
            Timestamp::UNIX_EPOCH,
            SwapStep::RolledBack,
            SwapSource::Host,
        )
        .with_version(version())
        .with_reason(reason())
    };
    let mut entry = json!(step);
    entry["schemaVersion"] = 1.into();
    entry["deviceId"] = "d-1".into();
    documents.check("host history", &entry);
    documents.assert_whole("host history");

    let states = [
        ComponentState::Probation {
            seconds_left: 1.0,
            events_left: 2,
        },
        ComponentState::Suspended {
            reason: reason(),
            seconds_left: 1.0,
        },
    ];
    for state in states {
        let status = Status {
            device_id: "d-1".to_owned(),
            pid: 1,
            connection: ConnectionStatus {
                state: ConnectionState::Backoff,
                since: None,
                hub: None,
                next_attempt_seconds: Some(1.0),
                token_expires_seconds: None,
                last_error: Some(LastError {
                    time: Timestamp::UNIX_EPOCH,
                    cause: Cause::Tcp,
                    message: reason(),
                }),
                connects: 0,
                token_renewals: 0,
                disconnects: [(Cause::Reset, 1)].into(),
                connect_failures: [(Cause::Tcp, 1)].into(),
            },
            outbox: OutboxStatus::default(),
            store: StoreStatus::default(),
            calls: CallStats::default(),
            running: Some(running()),
            state,
            suspended: vec![SuspendedCause {
                cause: "command reboot".to_owned(),
                reason: reason(),
                seconds_left: 1.0,
            }],
            fallback: Some(running()),
            previous: Some(running()),
            quarantined: vec![QuarantinedVersion {
                sha256: "ab".to_owned(),
                settings: Some(vec![ComponentSetting {
                    key: "a".to_owned(),
                    value: "b".to_owned(),
                }]),
                reason: reason(),
            }],
            steps: [("started".to_owned(), 1)].into(),
            limits: [("memory".to_owned(), Some(1))].into(),
            rate_limits: [(
                "calls".to_owned(),
                RateLimitStatus {
                    limited: false,
                    delayed: 0,
                },
            )]
            .into(),
            last_swap: Some(step.clone()),
        };
        let mut document = json!(status);
        document["schemaVersion"] = 1.into();
        documents.check("host status", &document);
        let read: Status = serde_json::from_value(document).expect("a client reads it");
        assert_eq!(read.state, status.state);
    }
    documents.assert_whole("host status");
}

async fn dead_letters(documents: &mut Documents) {
    let state = state().await;
    let outbox = |arguments: &[&str]| {
        let command = HostCommand::bare()
            .arg("outbox")
            .arg("--json")
            .state_dir(state.path());
        arguments
            .iter()
            .fold(command, HostCommand::arg)
            .to_its_end()
            .json()
    };
    documents.check("host outbox", &outbox(&[]));
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&guest("messages"))
        .enrolled(&cloud, "d-1")
        .state_dir(state.path())
        .start();
    host.stdout.wait_for("Listening");
    documents.check("host outbox --discard", &outbox(&["--discard", "2"]));
    documents.check("host outbox --retry", &outbox(&["--retry", "all"]));
}

/// A state directory of the device `d-1` with an item of each kind in the outbox and in the dead letters.
async fn state() -> TempDir {
    let dir = TempDir::new().expect("a directory for the state");
    write_state(dir.path()).await;
    dir
}

async fn write_state(dir: &Path) {
    let clock = SystemClock::new();
    let mut store = Store::open(StateDir::open(dir).expect("a new one")).expect("it opens");
    let (kept, backend) = store.device(&"d-1".into());
    let mut device = DeviceStore::new(backend, kept, Retention::default(), &clock);
    let telemetry = || {
        Outgoing::Telemetry(TelemetryMessage {
            id: "mid-1".to_owned(),
            created: "2026-01-02T03:04:05Z".parse().expect("a time"),
            component: None,
            content_type: "application/json".to_owned(),
            content_encoding: "utf-8".to_owned(),
            properties: vec![("alert".to_owned(), "no".to_owned())],
            body: "{\"again\":1}".into(),
        })
    };
    let report = || {
        let report = json!({"again": 2});
        Outgoing::Report(report.as_object().expect("an object").clone())
    };
    let outgoing = vec![telemetry(), report()];
    let batch = Batch {
        outgoing,
        ..Batch::default()
    };
    device.commit(batch, &clock);
    let message = CloudMessage {
        properties: vec![("urgent".to_owned(), "yes".to_owned())],
        body: "three".into(),
    };
    let reason = || "for the test".to_owned();
    let dead_letters = vec![
        DeadLetterChange::Outgoing(0, reason()),
        DeadLetterChange::Outgoing(1, reason()),
        DeadLetterChange::Message(message, reason()),
    ];
    let batch = Batch {
        dead_letters,
        outgoing: vec![telemetry(), report()],
        ..Batch::default()
    };
    device.commit(batch, &clock);
    device.flush(&clock).await;
}
