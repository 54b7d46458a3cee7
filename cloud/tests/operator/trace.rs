use std::io::{BufRead, BufReader, Read};

use serde_json::{Value, json};

use crate::site::{OWNER, Site};

/// Everything that is kept and that this selects.
fn kept(site: &Site, query: &str) -> Vec<Value> {
    let path = format!("/api/trace?follow=false&format=ndjson{query}");
    let answer = site.get("service", &path);
    assert_eq!(answer.status, 200);
    let lines = match answer.json {
        // One line is JSON as a whole.
        Value::String(lines) => lines,
        line => line.to_string(),
    };
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The members of this name, in order.
fn members<'a>(records: &'a [Value], name: &str) -> Vec<&'a Value> {
    records.iter().map(|record| &record[name]).collect()
}

/// The records a stream tells, one after the other.
fn told(stream: impl Read) -> impl Iterator<Item = Value> {
    let lines = BufReader::new(stream).lines();
    lines.filter_map(|line| {
        Some(serde_json::from_str(line.unwrap().strip_prefix("data: ")?).unwrap())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_packet_and_request_is_in_one_line_of_time() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.tell("$.ct=application%2Fjson", b"{\"t\": 21}").await;
    assert_eq!(site.get(OWNER, "/twins/t-1").status, 200);
    let records = kept(&site, "");
    assert_eq!(members(&records, "sequence"), [1, 2, 3, 4, 5]);
    assert_eq!(
        members(&records, "packet"),
        [
            &json!("CONNECT"),
            &json!("CONNACK"),
            &json!("PUBLISH"),
            &json!("PUBACK"),
            &Value::Null
        ]
    );
    let directions = members(&records, "direction");
    assert_eq!(
        directions[..4],
        [&json!("up"), &json!("down"), &json!("up"), &json!("down")]
    );
    assert_eq!(members(&records, "device"), [&json!("t-1"); 5]);

    let telemetry = &records[2];
    assert_eq!(telemetry["operation"], "telemetry");
    assert_eq!(telemetry["properties"], json!({"$.ct": "application/json"}));
    assert_eq!(telemetry["body"], json!({"t": 21}));
    assert_eq!(telemetry["size"], 9);
    assert_eq!(
        (&telemetry["qos"], &telemetry["packetId"]),
        (&json!(1), &json!(7))
    );

    let request = &records[4];
    assert_eq!(request["kind"], "request");
    assert_eq!(request["status"], 200);
    assert!(request["path"].as_str().unwrap().starts_with("/twins/t-1?"));
    assert_eq!(request["console"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_and_no_token_is_in_it() {
    let site = Site::start().await;
    let _device = site.device("t-1").await;
    site.get(OWNER, "/devices/t-1");
    let records = Value::from(kept(&site, "")).to_string();
    assert!(records.contains("t-1"));
    for secret in ["SharedAccessSignature", "sig=", "password"] {
        assert!(!records.contains(secret), "{records}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_narrowed_to_one_device_and_taken_up_again() {
    let site = Site::start().await;
    let _devices = [site.device("t-1").await, site.device("t-2").await];
    assert_eq!(members(&kept(&site, "&device=t-2"), "sequence"), [3, 4]);
    assert_eq!(members(&kept(&site, "&since=2"), "sequence"), [3, 4]);
    // Of another run of the cloud.
    assert_eq!(kept(&site, "&since=9000").len(), 4);
    assert_eq!(site.get("service", "/api/trace?since=x").status, 400);
    assert_eq!(site.get("service", "/api/trace?format=xml").status, 400);

    let mut stream = told(site.follow("/api/trace", &[("last-event-id", "3")]));
    assert_eq!(stream.next().unwrap()["sequence"], 4);
    let _third = site.device("t-3").await;
    let [connect, connack] = [(); 2].map(|()| stream.next().unwrap());
    assert_eq!(
        (&connect["device"], &connect["packet"]),
        (&json!("t-3"), &json!("CONNECT"))
    );
    assert_eq!(
        (&connack["code"], &connack["connection"]),
        (&json!(0), &json!(3))
    );
    site.cloud.stop().await;
    assert!(stream.all(|record| record["reason"] == "connection cut by the cloud"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_packet_is_told_and_why_the_connection_ended() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    let mut stream = told(site.follow("/api/trace?since=2", &[]));
    device.scribble(&[0xf0, 0]).await;
    let malformed = stream.next().unwrap();
    assert_eq!(
        (&malformed["kind"], &malformed["device"]),
        (&json!("malformed"), &json!("t-1"))
    );
    assert!(
        malformed["reason"]
            .as_str()
            .unwrap()
            .starts_with("protocol violation: ")
    );
    let ended = stream.next().unwrap();
    assert_eq!(
        (&ended["kind"], &ended["reason"]),
        (&json!("ended"), &malformed["reason"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_payload_is_cut_and_says_how_long_it_was() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    let body = format!("\"{}\"", "x".repeat(10_000));
    device.tell("", body.as_bytes()).await;
    let record = &kept(&site, "&since=2")[0];
    assert_eq!(
        (&record["size"], &record["truncated"]),
        (&json!(10_002), &json!(true))
    );
    assert_eq!(record["text"].as_str().unwrap().len(), 4096);
}
