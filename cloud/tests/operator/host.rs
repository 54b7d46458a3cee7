//! The host beside the cloud, through the cloud. Here it is a socket that records commands and sends given replies.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{Answer, OWNER, Site};

/// The beginning of every component.
const COMPONENT: &str = "\0asm\r\0\x01\0";

struct Host {
    socket: PathBuf,
    /// The commands, with the content of the file if they name one.
    commands: Receiver<(Value, Option<Vec<u8>>)>,
    _dir: TempDir,
}

impl Host {
    /// Makes a host that replies to each command with these lines.
    fn replying(lines: &'static str) -> Self {
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("control");
        let listener = UnixListener::bind(&socket).unwrap();
        let (sender, commands) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                let command: Value = serde_json::from_str(&line).unwrap();
                let file = command["file"]
                    .as_str()
                    .map(|file| std::fs::read(file).unwrap());
                sender.send((command, file)).unwrap();
                stream.write_all(lines.as_bytes()).unwrap();
            }
        });
        Self {
            socket,
            commands,
            _dir: dir,
        }
    }
}

fn lines(answer: &Answer) -> Vec<Value> {
    let text = match &answer.json {
        Value::String(text) => text.clone(),
        one => one.to_string(),
    };
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_handed_to_the_host_and_each_step_is_told() {
    let host = Host::replying(
        "{\"step\":\"prepared\"}\n\n{\"step\":\"started\"}\n{\"step\":\"accepted\"}\n",
    );
    let site = Site::beside(&host.socket).await;
    let answer = site.send(
        OWNER,
        "POST",
        "/api/host/swap?force=true&name=x%2Ftwo.wasm",
        &[],
        COMPONENT,
    );
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let steps = ["prepared", "started", "accepted"].map(|step| json!({"step": step}));
    assert_eq!(lines(&answer), steps);

    let (command, file) = host.commands.recv().unwrap();
    assert_eq!(file.unwrap(), COMPONENT.as_bytes());
    for (name, value) in [
        ("command", json!("swap")),
        ("force", json!(true)),
        ("freshState", json!(false)),
        ("allowModelChange", json!(false)),
        ("wait", json!(true)),
    ] {
        assert_eq!(command[name], value, "{name}");
    }
    let path = Path::new(command["file"].as_str().unwrap());
    assert_eq!(path.file_name().unwrap(), "two.wasm");
    let dir = path.parent().unwrap();
    assert!(!dir.exists(), "{} is left", dir.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_says_how_it_is_and_goes_back() {
    let host = Host::replying("{\"deviceId\":\"t-1\"}\n");
    let site = Site::beside(&host.socket).await;
    assert_eq!(
        site.get(OWNER, "/api/host").json,
        json!({"deviceId": "t-1"})
    );
    assert_eq!(
        host.commands.recv().unwrap().0,
        json!({"command": "status"})
    );
    let history = site.get(OWNER, "/api/host/history").json;
    assert_eq!(history, json!({"deviceId": "t-1"}));
    assert_eq!(
        host.commands.recv().unwrap().0,
        json!({"command": "history"})
    );
    let steps = site.send(OWNER, "POST", "/api/host/rollback", &[], "");
    assert_eq!(lines(&steps), [json!({"deviceId": "t-1"})]);
    assert_eq!(
        host.commands.recv().unwrap().0,
        json!({"command": "rollback"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_refuses_or_is_not_there_is_told_in_its_words() {
    let host = Host::replying("{\"error\":\"no\"}\n");
    let site = Site::beside(&host.socket).await;
    let refused = site.get(OWNER, "/api/host");
    assert_eq!(
        (refused.status, &refused.json["message"]),
        (503, &json!("no"))
    );
    let refused = site.send(OWNER, "POST", "/api/host/rollback", &[], "");
    assert_eq!(lines(&refused), [json!({"error": "no"})]);

    std::fs::remove_file(&host.socket).unwrap();
    let gone = site.get(OWNER, "/api/host");
    assert_eq!(gone.name.as_deref(), Some("HostUnavailable"));
    let message = gone.json["message"].as_str().unwrap();
    assert!(
        message.starts_with("cannot connect to the host at "),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_component_does_not_reach_the_host() {
    let host = Host::replying("");
    let site = Site::beside(&host.socket).await;
    for body in ["", "PK\x03\x04", "asm"] {
        let answer = site.send(OWNER, "POST", "/api/host/swap", &[], body);
        assert_eq!(answer.status, 400, "{body:?}");
        assert!(
            answer.json["message"].as_str().unwrap().contains(".wasm"),
            "{body:?}"
        );
    }
    assert!(host.commands.try_recv().is_err());
}
