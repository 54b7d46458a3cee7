//! What could not be delivered, as a person lists it, sends it again and discards it.

use std::path::Path;

use end_to_end::{Answer, Cloud, HostCommand, guest};
use host::{
    clock::SystemClock,
    hub::message::TelemetryMessage,
    store::{
        DeviceStore, Retention, StateDir,
        batch::{Batch, DeadLetterChange},
        dead_letter::CloudMessage,
        outbox::Outgoing,
        writer::Store,
    },
};
use tempfile::TempDir;

/// A state directory of the device `d-1`, in which a telemetry message (1), a report (2) and a message from the cloud (3)
/// are dead-lettered.
async fn state() -> TempDir {
    let dir = TempDir::new().expect("a directory for the state");
    let clock = SystemClock::new();
    let mut store = Store::open(StateDir::open(dir.path()).expect("a new one")).expect("it opens");
    let (kept, backend) = store.device(&"d-1".into());
    let mut device = DeviceStore::new(backend, kept, Retention::default(), &clock);
    let telemetry = Outgoing::Telemetry(TelemetryMessage {
        id: "mid-1".to_owned(),
        created: "2026-01-02T03:04:05Z".parse().expect("a time"),
        component: None,
        content_type: "application/json".to_owned(),
        content_encoding: "utf-8".to_owned(),
        properties: vec![],
        body: "{\"again\":1}".into(),
    });
    let report = serde_json::json!({ "again": 2 });
    let report = Outgoing::Report(report.as_object().expect("an object").clone());
    device.commit(
        Batch {
            outgoing: vec![telemetry, report],
            ..Batch::default()
        },
        &clock,
    );
    let message = CloudMessage {
        properties: vec![("urgent".to_owned(), "yes".to_owned())],
        body: "\u{1b}[2Jthree".into(),
    };
    let changes = vec![
        DeadLetterChange::Outgoing(0, "the hub closes\nthe connection on it".to_owned()),
        DeadLetterChange::Outgoing(1, "the hub refused it with status 400".to_owned()),
        DeadLetterChange::Message(message, "the component failed on it".to_owned()),
    ];
    device.commit(
        Batch {
            dead_letters: changes,
            ..Batch::default()
        },
        &clock,
    );
    device.flush(&clock).await;
    dir
}

fn outbox(state: &Path, arguments: &[&str]) -> Answer {
    let command = HostCommand::bare().arg("outbox").state_dir(state);
    arguments
        .iter()
        .fold(command, HostCommand::arg)
        .to_its_end()
}

#[tokio::test]
async fn dead_letters_are_listed_with_id_and_reason() {
    let state = state().await;
    let text = outbox(state.path(), &[]).stdout;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("d-1: 0 messages and 0 reports queued"));
    assert_eq!(lines[1], "dead letters: 3 of 3 in total; 0 evicted");
    assert!(lines[2].starts_with("       1  20") && lines[2].ends_with("telemetry  {\"again\":1}"));
    assert_eq!(lines[3], "          the hub closes\\nthe connection on it");
    assert!(lines[4].ends_with("report     {\"again\":2}"));
    assert!(lines[6].ends_with("message    \\u{1b}[2Jthree"));

    let json = outbox(state.path(), &["--json"]).json();
    assert_eq!(json["entries"].as_array().map(Vec::len), Some(0));
    assert_eq!(json["deadLettersTotal"], 3);
    let entries = &json["deadLetters"];
    assert_eq!(entries[0]["id"], 1);
    assert_eq!(entries[0]["messageId"], "mid-1");
    assert_eq!(entries[1]["kind"], "report");
    assert_eq!(entries[1]["properties"]["again"], 2);
    assert_eq!(entries[2]["reason"], "the component failed on it");
    assert_eq!(entries[2]["properties"]["urgent"], "yes");
}

#[tokio::test]
async fn it_is_sent_handed_over_or_discarded_as_a_person_wants() {
    let state = state().await;
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let mut host = HostCommand::of(&guest("messages"))
        .enrolled(&cloud, "d-1")
        .state_dir(state.path())
        .start();
    host.stdout.wait_for("Listening");
    assert_eq!(outbox(state.path(), &["--retry", "1"]).stdout, "retried: 1");
    assert_eq!(events.next("telemetry")["body"]["again"], 1);
    let discarded = outbox(state.path(), &["--discard", "2", "--json"]).json();
    assert_eq!(discarded["done"][0], 2);
    let twice = outbox(state.path(), &["--discard", "2"]);
    assert_eq!(twice.code, 1);
    assert!(
        twice.stderr.contains("no dead letter has the id 2"),
        "{}",
        twice.stderr
    );
    assert_eq!(
        outbox(state.path(), &["--retry", "all"]).stdout,
        "retried: 3"
    );
    let last = cloud.call_until(&["last"], |reply| reply.payload["count"] == 1);
    assert_eq!(last.payload["properties"][0][1], "yes");
    assert_eq!(host.stop(), Some(0));
    let json = outbox(state.path(), &["--json"]).json();
    assert_eq!(
        (&json["deadLetterCount"], &json["deadLettersTotal"]),
        (&0.into(), &3.into())
    );
}

#[tokio::test]
async fn only_a_running_host_sends_or_discards_and_only_what_is_named_rightly() {
    let state = state().await;
    for option in ["--retry", "--discard"] {
        let alone = outbox(state.path(), &[option, "all"]);
        assert_eq!(alone.code, 2);
        assert!(
            alone.stderr.contains("no host is running"),
            "{}",
            alone.stderr
        );
        let wrong = outbox(state.path(), &[option, "everything"]);
        assert_eq!(wrong.code, 2);
        assert!(wrong.stderr.contains("or `all`"), "{}", wrong.stderr);
    }
    let both = outbox(state.path(), &["--retry", "1", "--discard", "2"]);
    assert_eq!(both.code, 2);
    let json = outbox(state.path(), &["--json"]).json();
    assert_eq!(json["deadLetterCount"], 3);
}
