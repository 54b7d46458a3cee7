use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    device::Device,
    process::{Service, cloud, code, signal, stderr, stdout, variable},
};

const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/#";
const METHODS: &str = "$iothub/methods/POST/#";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cloud_says_where_it_is_and_ends_cleanly_on_either_signal() {
    for with in [Signal::INT, Signal::TERM] {
        let service = Service::start();
        let running = service.running();
        for part in [
            running.mqtt.to_string(),
            running.https.to_string(),
            running.id_scope,
        ] {
            assert!(
                service.banner.contains(&part),
                "{part} in {}",
                service.banner
            );
        }
        assert_eq!(service.stop(with).0, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_the_default_group_provisions_again_at_the_second_cloud() {
    let first = Service::start_with(TempDir::new().unwrap(), &["--ephemeral"]);
    let enrolled = first.shown(&["enroll", "t-1", "--group"]);
    let key = variable(&enrolled, "IOTHUB_DEVICE_DPS_DEVICE_KEY");
    let scope = variable(&enrolled, "IOTHUB_DEVICE_DPS_ID_SCOPE");
    drop(first.device("t-1", &["--group"]).await);
    let (_, dir) = first.stop(Signal::INT);

    assert!(!dir.path().join("cloud.db").exists());
    let second = Service::start_with(dir, &["--ephemeral"]);
    assert_eq!(second.running().id_scope, scope);
    assert!(second.shown(&["devices"]).is_empty());
    let (running, certificate) = (second.running(), second.place().certificate());
    let _device = Device::provision(&running, &certificate, "t-1", &key).await;
    assert!(second.shown(&["devices"]).contains("t-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_cloud_is_refused_for_its_directory_or_its_port() {
    let service = Service::start();
    let same_directory = service.operate(&["run"]);
    assert_eq!(code(&same_directory), 2);
    let process = format!(
        "another cloud (process {}) is running in",
        service.child.id()
    );
    assert!(stderr(&same_directory).contains(&process));

    let port = service.running().mqtt.to_string();
    let other = tempfile::TempDir::new().unwrap();
    let same_port = cloud(&["run", "--mqtt", &port, "--https", "127.0.0.1:0"])
        .env("CLOUD_DIR", other.path())
        .output()
        .unwrap();
    assert_eq!(code(&same_port), 2);
    let said = stderr(&same_port);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains(&port) && said.contains("choose another address or port"),
        "{said}"
    );
}

#[test]
fn a_store_that_is_damaged_ends_the_start_with_the_remedy() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("cloud.db"), "no database".repeat(1000)).unwrap();
    let ports = ["--mqtt", "127.0.0.1:0", "--https", "127.0.0.1:0"];
    let output = cloud(&["run"])
        .args(ports)
        .env("CLOUD_DIR", dir.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("cloud.db is corrupt") && said.contains("move it away"),
        "{said}"
    );
}

#[test]
fn settings_that_cannot_be_are_refused_with_the_remedy() {
    for (arguments, said) in [
        (["run", "--mqtt", "0.0.0.0:8883"], "127.x.y.z only"),
        (["run", "--mqtt", "8883"], "such as 127.0.0.1:8883"),
        (
            ["run", "--hub-name", "example.com"],
            "names below .localhost",
        ),
        (["run", "--tls", "1.1"], "possible values: 1.2, 1.3"),
        (
            ["run", "--models", "/nowhere/at/all"],
            "cannot read /nowhere/at/all",
        ),
        (["run", "--retention", "7"], "such as 90m, 12h or 7d"),
        (["run", "--retention", "0s"], "a duration above zero"),
        (["run", "--retention-size", "0"], "1MiB or more"),
        (["run", "--retention-size", "much"], "such as 512MiB"),
    ] {
        let dir = tempfile::TempDir::new().unwrap();
        let output = cloud(&arguments)
            .env("CLOUD_DIR", dir.path())
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn a_variable_is_read_as_people_set_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let run = |variables: &[(&str, &str)]| {
        let output = cloud(&["run", "--models", "/nowhere/at/all"])
            .env("CLOUD_DIR", dir.path())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert_eq!(code(&output), 2);
        stderr(&output)
    };
    // All is well but the models.
    let empty = [
        "CLOUD_TLS",
        "CLOUD_RETENTION",
        "CLOUD_RETRY_AFTER",
        "CLOUD_EPHEMERAL",
        "CLOUD_KEEP",
    ];
    let said = run(&empty.map(|name| (name, "")));
    assert!(said.contains("/nowhere/at/all"), "{said}");
    for value in ["1", "Yes", "on", "0", "off"] {
        let said = run(&[("CLOUD_EPHEMERAL", value)]);
        assert!(said.contains("/nowhere/at/all"), "{value}: {said}");
    }
    for (name, option, value) in [
        ("CLOUD_TLS", "--tls", "1.1"),
        ("CLOUD_EPHEMERAL", "--ephemeral", "maybe"),
    ] {
        let said = run(&[(name, value)]);
        assert!(said.contains(&format!("'{value}' for {name}")), "{said}");
        assert!(!said.contains(option), "{said}");
        let completions = cloud(&["completions", "bash"]).env(name, value).output();
        assert_eq!(code(&completions.unwrap()), 0, "that is nothing to it");
    }
}

#[test]
fn a_word_of_an_earlier_version_is_an_error_that_names_the_new_one() {
    for (arguments, said) in [
        (&["enrol", "t-1"][..], "enrol is now enroll"),
        (&["run", "--keep", "1d"], "--keep is now --retention"),
        (&["run", "--keep=1d"], "--keep is now --retention"),
        (
            &["exec", "--keep-size", "1GiB", "env"],
            "--keep-size is now --retention-size",
        ),
        (
            &["exec", "--operator", "--", "env"],
            "--operator is now --service",
        ),
        (
            &["load", "--devices", "1", "--rate", "1", "--keep"],
            "--keep is now --keep-devices",
        ),
        (
            &["fault", "refuse", "--for", "1s"],
            "--for is now --duration",
        ),
        (
            &["fault", "--for", "1s", "refuse"],
            "--for is now --duration",
        ),
        (
            &["fault", "black-hole", "--lose"],
            "--lose is now --drop-connections",
        ),
        (
            &["fault", "delay-acks", "--by", "1s"],
            "--by is now --delay",
        ),
        (
            &["fault", "lose-desired"],
            "lose-desired is now drop-desired",
        ),
        (
            &["fault", "wrong-certificate", "--flaw", "other-name"],
            "other-name is now name-mismatch",
        ),
        (
            &["fault", "wrong-certificate", "--flaw", "foreign-authority"],
            "foreign-authority is now unknown-ca",
        ),
        (
            &["events", "--kind", "fault-struck"],
            "fault-struck is now fault-triggered",
        ),
        (&["events", "--last", "3"], "--last is now --tail"),
        (
            &["events", "--from", "2026-01-31T08:00:00Z"],
            "--from is now --since",
        ),
        (
            &["events", "--to", "2026-01-31T08:00:00Z"],
            "--to is now --until",
        ),
    ] {
        let output = cloud(arguments).output().unwrap();
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert_eq!(stderr(&output), format!("error: {said}\n"));
    }
    let words_of_the_program = cloud(&["exec", "--", "echo", "--keep"]).output().unwrap();
    assert_eq!(stdout(&words_of_the_program), "--keep\n");
}

#[test]
fn a_variable_of_an_earlier_version_is_an_error_that_names_the_new_one() {
    for (old, new) in [
        ("CLOUD_KEEP", "CLOUD_RETENTION"),
        ("CLOUD_KEEP_SIZE", "CLOUD_RETENTION_SIZE"),
        ("CLOUD_OPERATOR", "CLOUD_SERVICE"),
        ("CLOUD_FOR", "CLOUD_FAULT_DURATION"),
        ("CLOUD_LOSE", "CLOUD_DROP_CONNECTIONS"),
        ("CLOUD_BY", "CLOUD_DELAY"),
    ] {
        let output = cloud(&["exec", "true"]).env(old, "1").output().unwrap();
        assert_eq!(code(&output), 2, "{old}");
        assert_eq!(stderr(&output), format!("error: {old} is now {new}\n"));
    }
}

#[test]
fn two_formats_at_a_time_are_refused() {
    let output = cloud(&["events", "--json", "--format", "csv"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(
        said.contains("'--json' cannot be used with '--format"),
        "{said}"
    );
}

#[test]
fn without_a_cloud_the_commands_say_how_to_start_one() {
    let dir = tempfile::TempDir::new().unwrap();
    let output = cloud(&["twin"])
        .env("CLOUD_DIR", dir.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains(&format!(
        "start one with `{} run`",
        env!("CARGO_BIN_EXE_cloud")
    )));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_device_need_not_be_named_if_there_is_only_one() {
    let service = Service::start();
    let none = service.operate(&["twin"]);
    assert_eq!(code(&none), 1);
    assert!(stderr(&none).contains("cloud enroll ID"));

    let _one = service.device("t-1", &[]).await;
    assert_eq!(parsed(&service.shown(&["twin"]))["deviceId"], "t-1");
    let _two = service.device("t-2", &[]).await;
    let several = service.operate(&["twin"]);
    assert_eq!(code(&several), 2);
    assert!(stderr(&several).contains("t-1, t-2"));
    assert_eq!(
        parsed(&service.shown(&["twin", "-d", "t-2"]))["deviceId"],
        "t-2"
    );
    let unknown = service.operate(&["twin", "-d", "t-3"]);
    assert_eq!(
        stderr(&unknown),
        "error: the cloud returned 404 DeviceNotFound: t-3\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_is_set_shows_its_acknowledgment() {
    let service = Service::start();
    let mut device = service.device("t-1", &[]).await;
    device.subscribe(DESIRED).await;
    for (value, status, expected) in [("23.5", 200, json!(23.5)), ("eco", 400, json!("eco"))] {
        let set = service
            .command(&["set", "target", value, "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        device.acknowledge("target", status).await;
        let output = set.wait_with_output().unwrap();
        assert_eq!(
            code(&output),
            i32::from(status >= 400),
            "{}",
            stderr(&output)
        );
        let shown = parsed(&stdout(&output));
        assert_eq!((&shown["value"], &shown["ac"]), (&expected, &json!(status)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_set_and_removed_and_found_by_a_query() {
    let service = Service::start();
    let _device = service.device("t-1", &[]).await;
    service.shown(&["tag", "floor", "3"]);
    let tags = service.shown(&["tag", "site", "Ulm", "--json"]);
    assert_eq!(parsed(&tags)["tags"], json!({"floor": 3, "site": "Ulm"}));
    let query = "SELECT deviceId FROM devices WHERE tags.site = 'Ulm'";
    let found = service.shown(&["query", query, "--json"]);
    assert_eq!(parsed(&found), json!([{"deviceId": "t-1"}]));
    let tags = service.shown(&["tag", "site", "null"]);
    assert_eq!(tags, "floor  3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_waiting_a_property_is_set_all_the_same() {
    let service = Service::start();
    let _device = service.device("t-1", &[]).await;
    let arguments = ["set", "a", "{\"b\": 1}", "--no-wait", "--component", "c"];
    assert_eq!(service.shown(&arguments), "");
    let twin = parsed(&service.shown(&["twin"]));
    assert_eq!(twin["desired"]["c"], json!({"__t": "c", "a": {"b": 1}}));
    let unheard = service.operate(&["set", "a", "1", "--timeout", "0"]);
    assert_eq!(code(&unheard), 1);
    assert!(
        stderr(&unheard).contains("no acknowledgment within 0 s"),
        "{}",
        stderr(&unheard)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_shows_the_devices_answer() {
    let service = Service::start();
    let mut device = service.device("t-1", &[]).await;
    device.subscribe(METHODS).await;
    for (status, arguments, payload) in [
        (200, ["call", "m", "since"], "\"since\""),
        (404, ["call", "m", "[1]"], "[1]"),
    ] {
        let answer = json!({"a": [1, null]});
        let call = service
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        device.answer_call(payload, status, &answer).await;
        let output = call.wait_with_output().unwrap();
        assert_eq!(
            code(&output),
            i32::from(status >= 400),
            "{}",
            stderr(&output)
        );
        assert_eq!(parsed(&stdout(&output)), answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_a_device_that_is_away_says_so() {
    let service = Service::start();
    drop(service.device("t-1", &[]).await);
    let output = service.operate(&["call", "m"]);
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("isn't online"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_followed_and_cannot_control_the_terminal() {
    let service = Service::start();
    let mut device = service.device("t-1", &[]).await;
    let mut follow = service
        .command(&["events", "--follow"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("t-1  created"));
    assert!(lines.next().unwrap().unwrap().contains("t-1  connected"));
    device.tell("", b"\x1b[2Jhello").await;
    let line = lines.next().unwrap().unwrap();
    assert!(line.ends_with("telemetry    \\u001b[2Jhello"), "{line}");
    signal(&follow, Signal::TERM);
    follow.wait().unwrap();

    let kept = service.shown(&["events", "--json", "-n", "1"]);
    assert_eq!(parsed(&kept)["text"], "\u{1b}[2Jhello");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_selected_and_printed_as_asked() {
    let service = Service::start();
    let mut device = service.device("t-1", &[]).await;
    device.tell("$.ct=text%2Fplain", b"=1+1").await;
    service.operate(&["call", "m", "{\"a\": 1}"]);
    let command = service.shown(&["events", "--kind", "command"]);
    assert!(
        command.contains("command      m({\"a\":1}) -> timed out"),
        "{command}"
    );
    let two = service.shown(&["events", "-k", "created", "-k", "connected", "-d", "t-1"]);
    assert_eq!(two.lines().count(), 2, "{two}");
    let csv = service.shown(&["events", "--kind", "telemetry", "--format", "csv"]);
    let row = csv.lines().nth(1).unwrap();
    assert!(
        row.contains(",t-1,telemetry,,,text/plain,,text,\"'=1+1\","),
        "{row}"
    );
    let az = service.shown(&["events", "--kind", "telemetry", "--format", "az"]);
    assert_eq!(parsed(&az)["event"]["payload"], "=1+1");
    let wrong = service.operate(&["events", "--until", "noon"]);
    assert_eq!(code(&wrong), 2);
    assert!(
        stderr(&wrong).contains("a duration before now such as 5m"),
        "{}",
        stderr(&wrong)
    );
    let late = service.operate(&["events", "--since", "900"]);
    assert!(
        stderr(&late).contains("event 900 does not exist yet"),
        "{}",
        stderr(&late)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_with_its_properties() {
    let service = Service::start();
    let mut device = service.device("t-1", &[]).await;
    device.subscribe("devices/t-1/messages/devicebound/#").await;
    let shown = service.shown(&["send", "good morning", "--property", "a=b=c"]);
    assert!(
        shown.starts_with("message ") && shown.ends_with(" queued for t-1\n"),
        "{shown}"
    );
    let (topic, body) = device.message().await;
    assert_eq!(body, b"good morning");
    assert!(topic.contains("a=b%3Dc"), "{topic}");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_without_their_keys() {
    let service = Service::start();
    let _device = service.device("t-1", &[]).await;
    assert!(service.shown(&["devices"]).starts_with("t-1 "));
    let json = service.shown(&["devices", "--json"]);
    assert_eq!(parsed(&json)[0]["connectionState"], "Connected");
    assert!(!json.contains("Key"), "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_strings_are_printed_when_asked_for() {
    let service = Service::start();
    let _device = service.device("t-1", &[]).await;
    let (running, policies) = (service.running(), service.place().policies().unwrap());
    for (arguments, policy) in [
        (&["connection-string"][..], "iothubowner"),
        (&["connection-string", "--policy", "service"], "service"),
    ] {
        let key = &policies.keys(policy).unwrap().primary_key;
        let port = running.https.port();
        let expected = format!(
            "HostName=localhost:{port};SharedAccessKeyName={policy};SharedAccessKey={key}\n"
        );
        assert_eq!(service.shown(arguments), expected);
    }
    let of_device = service.shown(&["connection-string", "--device", "t-1"]);
    let expected = format!(
        "HostName={};DeviceId=t-1;SharedAccessKey=",
        running.hub_name
    );
    assert!(of_device.starts_with(&expected), "{of_device}");
    for (arguments, exit, said) in [
        (["--policy", "owner"], 2, "possible values: iothubowner"),
        (["--device", "t-2"], 1, "DeviceNotFound"),
    ] {
        let output = service.operate(&[&["connection-string"][..], &arguments].concat());
        assert_eq!(code(&output), exit, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = cloud(&["completions", shell]).output().unwrap();
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("completions"));
    }
}
