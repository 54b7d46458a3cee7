//! The host beside the cloud, through the cloud. Here it is a socket that says what it was asked and what it is told to.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{Answer, OWNER, Site};

/// The beginning of every component.
const COMPONENT: &str = "\0asm\r\0\x01\0";

struct Host {
    socket: PathBuf,
    /// What it was asked, and what was in the file it was given, if it was given one.
    asked: Receiver<(Value, Option<Vec<u8>>)>,
    _dir: TempDir,
}

impl Host {
    /// One that answers each request with these lines.
    fn that_says(lines: &'static str) -> Self {
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("control");
        let listener = UnixListener::bind(&socket).unwrap();
        let (tell, asked) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                let order: Value = serde_json::from_str(&line).unwrap();
                let file = order["file"]
                    .as_str()
                    .map(|file| std::fs::read(file).unwrap());
                tell.send((order, file)).unwrap();
                stream.write_all(lines.as_bytes()).unwrap();
            }
        });
        Self {
            socket,
            asked,
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
    let host = Host::that_says(
        "{\"step\":\"preparing\"}\n\n{\"step\":\"begun\"}\n{\"step\":\"accepted\"}\n",
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
    let steps = ["preparing", "begun", "accepted"].map(|step| json!({"step": step}));
    assert_eq!(lines(&answer), steps);

    let (order, file) = host.asked.recv().unwrap();
    assert_eq!(file.unwrap(), COMPONENT.as_bytes());
    for (name, value) in [
        ("do", json!("swap")),
        ("force", json!(true)),
        ("freshState", json!(false)),
        ("allowModelChange", json!(false)),
        ("wait", json!(true)),
    ] {
        assert_eq!(order[name], value, "{name}");
    }
    let path = Path::new(order["file"].as_str().unwrap());
    assert_eq!(path.file_name().unwrap(), "two.wasm");
    let dir = path.parent().unwrap();
    assert!(!dir.exists(), "{} is left", dir.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_says_how_it_is_and_goes_back() {
    let host = Host::that_says("{\"device\":\"t-1\"}\n");
    let site = Site::beside(&host.socket).await;
    assert_eq!(site.get(OWNER, "/api/host").json, json!({"device": "t-1"}));
    assert_eq!(host.asked.recv().unwrap().0, json!({"do": "status"}));
    let history = site.get(OWNER, "/api/host/history").json;
    assert_eq!(history, json!({"device": "t-1"}));
    assert_eq!(host.asked.recv().unwrap().0, json!({"do": "history"}));
    let steps = site.send(OWNER, "POST", "/api/host/rollback", &[], "");
    assert_eq!(lines(&steps), [json!({"device": "t-1"})]);
    assert_eq!(host.asked.recv().unwrap().0, json!({"do": "rollback"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_refuses_or_is_not_there_is_told_in_its_words() {
    let host = Host::that_says("{\"error\":\"no\"}\n");
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
    assert!(message.starts_with("no host listens at "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_component_does_not_reach_the_host() {
    let host = Host::that_says("");
    let site = Site::beside(&host.socket).await;
    for body in ["", "PK\x03\x04", "asm"] {
        let answer = site.send(OWNER, "POST", "/api/host/swap", &[], body);
        assert_eq!(answer.status, 400, "{body:?}");
        assert!(
            answer.json["message"].as_str().unwrap().contains(".wasm"),
            "{body:?}"
        );
    }
    assert!(host.asked.try_recv().is_err());
}
