use std::io::{BufRead, BufReader, Read};

use serde_json::{Value, json};

use crate::site::{OWNER, Site};

/// The next event as it is framed: number, type and data.
fn next(stream: &mut BufReader<impl Read>) -> Option<(u64, String, Value)> {
    let mut frame: (Option<u64>, Option<String>, Option<Value>) = (None, None, None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("id", id)) => frame.0 = Some(id.parse().unwrap()),
            Some(("event", kind)) => frame.1 = Some(kind.to_owned()),
            Some(("data", data)) => frame.2 = Some(serde_json::from_str(data).unwrap()),
            _ => {}
        }
        if let (Some(id), Some(kind), Some(data)) = &frame {
            return Some((*id, kind.clone(), data.clone()));
        }
    }
}

/// Numbers of the events kept.
fn kept(site: &Site, query: &str, headers: &[(&str, &str)]) -> Vec<u64> {
    let mut stream = site.stream(query, headers);
    std::iter::from_fn(|| next(&mut stream).map(|event| event.0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_does_is_told_as_it_happens() {
    let site = Site::start().await;
    let mut stream = site.stream("", &[]);
    let mut device = site.device("t-1").await;
    let (id, kind, data) = next(&mut stream).unwrap();
    assert_eq!(
        (id, kind.as_str(), &data["status"]),
        (1, "created", &json!("enabled"))
    );
    let (id, kind, data) = next(&mut stream).unwrap();
    assert_eq!(
        (id, kind.as_str(), &data["type"]),
        (2, "connected", &json!("connected"))
    );
    assert_eq!(data["modelId"], "dtmi:com:example:Thermostat;1");

    device
        .tell(
            "$.ct=application%2Fjson&$.ce=utf-8&$.sub=thermostat1&a=b",
            b"{\"t\": 21}",
        )
        .await;
    let (id, kind, data) = next(&mut stream).unwrap();
    assert_eq!(
        (id, kind.as_str(), &data["sequence"]),
        (3, "telemetry", &json!(3))
    );
    assert_eq!(data["device"], "t-1");
    assert_eq!(data["body"], json!({"t": 21}));
    assert_eq!(data["component"], "thermostat1");
    assert_eq!(data["contentEncoding"], "utf-8");
    assert_eq!(data["properties"], json!({"a": "b"}));
    assert!(data["enqueued"].as_str().unwrap().ends_with('Z'));

    device
        .publish(
            "$iothub/twin/PATCH/properties/reported/?$rid=1",
            r#"{"max": 22}"#,
        )
        .await;
    let (_, kind, data) = next(&mut stream).unwrap();
    assert_eq!(
        (kind.as_str(), &data["patch"]),
        ("reported", &json!({"max": 22}))
    );
    drop(device);
    assert_eq!(next(&mut stream).unwrap().1, "disconnected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_json_is_shown_as_text_or_base64() {
    let site = Site::start().await;
    let mut stream = site.stream("", &[]);
    let mut device = site.device("t-1").await;
    next(&mut stream);
    next(&mut stream);
    device.tell("", b"{\"t\": 21}").await;
    assert_eq!(next(&mut stream).unwrap().2["text"], "{\"t\": 21}");
    device.tell("$.ct=application%2Fjson", &[0xff]).await;
    assert_eq!(next(&mut stream).unwrap().2["base64"], "/w==");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_goes_on_where_it_was() {
    let site = Site::start().await;
    let (mut one, mut two) = (site.device("t-1").await, site.device("t-2").await);
    for device in [&mut one, &mut two] {
        device.tell("", b"1").await;
    }
    // Two created, two connected, two messages.
    assert_eq!(kept(&site, "?follow=false", &[]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(kept(&site, "?follow=false&since=4", &[]), [5, 6]);
    let resumed = [("last-event-id", "5")];
    assert_eq!(kept(&site, "?follow=false&since=1", &resumed), [6]);
    assert_eq!(kept(&site, "?follow=false&device=t-2", &[]), [3, 4, 6]);
    assert_eq!(kept(&site, "?follow=false&device=t-1&last=1", &[]), [5]);
    assert!(kept(&site, "?follow=false&last=0", &[]).is_empty());
    assert_eq!(site.get(OWNER, "/api/events?since=x").status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_ends_with_the_cloud() {
    let site = Site::start().await;
    let mut stream = site.stream("", &[]);
    site.cloud.stop().await;
    assert_eq!(next(&mut stream), None);
}
