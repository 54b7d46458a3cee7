//! Events in other forms, and in parts.

use serde_json::{Value, json};

use crate::site::{OWNER, Site};

fn lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap();
    text.lines().map(parse).collect()
}

/// The types of the events a query selects.
fn types(site: &Site, query: &str) -> Vec<String> {
    let (_, text) = site.export(&format!("&format=ndjson{query}"), &[]);
    let of = |event: &Value| event["type"].as_str().unwrap().to_owned();
    lines(&text).iter().map(of).collect()
}

async fn site_with_a_story() -> Site {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    let properties = "$.ct=application%2Fjson&$.ce=utf-8&a=b";
    device.tell(properties, b"{\"t\": 21}").await;
    let twin = json!({"tags": {"room": 1}, "properties": {"desired": {"target": 20}}});
    assert_eq!(site.call(OWNER, "PATCH", "/twins/t-1", &twin).status, 200);
    let call = json!({"methodName": "reboot", "payload": {"delay": 5}});
    assert_eq!(
        site.call(OWNER, "POST", "/twins/t-1/methods", &call).status,
        404
    );
    let status = json!({"deviceId": "t-1", "status": "enabled", "statusReason": "x"});
    let all = [("if-match", "*")];
    let changed = site.send(OWNER, "PUT", "/devices/t-1", &all, &status.to_string());
    assert_eq!(changed.status, 200);
    assert_eq!(site.delete(OWNER, "/devices/t-1").status, 204);
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_do_is_told_too() {
    let site = site_with_a_story().await;
    let (kind, text) = site.export("", &[("accept", "application/x-ndjson")]);
    assert_eq!(kind, "application/x-ndjson");
    let events = lines(&text);
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    let expected = [
        "created",
        "connected",
        "telemetry",
        "tags",
        "desired",
        "command",
        "updated",
        "disconnected",
        "deleted",
    ];
    assert_eq!(types, expected);
    assert_eq!(events[3]["tags"], json!({"room": 1}));
    assert_eq!(events[3]["twinVersion"], 2);
    assert_eq!(
        (&events[4]["desired"], &events[4]["version"]),
        (&json!({"target": 20}), &json!(2))
    );
    assert_eq!(events[5]["name"], "reboot");
    assert_eq!(events[5]["payload"], json!({"delay": 5}));
    assert!(events[5]["error"].as_str().unwrap().contains("timed out"));
    assert!(events[5]["durationMs"].is_u64());
    assert_eq!(events[0]["generationId"], events[8]["generationId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_devices_and_times_select() {
    let site = site_with_a_story().await;
    site.register("t-2");
    assert_eq!(types(&site, "&kind=tags&kind=desired"), ["tags", "desired"]);
    assert_eq!(types(&site, "&device=t-2"), ["created"]);
    assert_eq!(types(&site, "&device=t-2&device=t-1").len(), 10);
    assert_eq!(types(&site, "&kind=created&last=1"), ["created"]);
    assert!(types(&site, "&to=2026-01-01T00:00:00Z").is_empty());
    assert_eq!(types(&site, "&from=2026-01-01T00:00:00Z").len(), 10);
    assert!(types(&site, "&from=2999-01-01T00:00:00Z").is_empty());
    for wrong in [
        "kind=odd",
        "from=yesterday",
        "to=x",
        "format=xml",
        "last=x",
        "follow=maybe",
    ] {
        let answer = site.get(OWNER, &format!("/api/events?{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
        let name = wrong.split('=').next().unwrap();
        let message = answer.json["message"].as_str().unwrap();
        assert!(message.starts_with(name), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_gets_a_row_for_each_event() {
    let site = site_with_a_story().await;
    let (kind, text) = site.export("", &[("accept", "text/csv")]);
    assert_eq!(kind, "text/csv; charset=utf-8");
    let rows: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 10);
    assert!(rows[0].starts_with("sequence,enqueued,device,type,"));
    let body = r#"json,"{""t"":21}","{""a"":""b""}","{""contentEncoding"":""utf-8""}""#;
    assert!(rows[3].ends_with(body), "{}", rows[3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn az_shows_what_iot_hub_routes() {
    let site = site_with_a_story().await;
    let (_, text) = site.export("&format=az", &[]);
    let events = lines(&text);
    let sources: Vec<_> = events
        .iter()
        .map(|event| {
            event["event"]["annotations"]["iothub-message-source"]
                .as_str()
                .unwrap()
        })
        .collect();
    let (lifecycle, connection) = ("deviceLifecycleEvents", "deviceConnectionStateEvents");
    let twin = "twinChangeEvents";
    let expected = [
        lifecycle,
        connection,
        "Telemetry",
        twin,
        twin,
        lifecycle,
        connection,
        lifecycle,
    ];
    assert_eq!(sources, expected);
    assert_eq!(events[2]["event"]["payload"], json!({"t": 21}));
    assert_eq!(
        events[0]["event"]["properties"]["application"]["hubName"],
        "localhost"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn az_names_the_model_a_device_has_announced() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device
        .publish("devices/t-1/messages/events/", r#"{"t": 21}"#)
        .await;
    let (_, text) = site.export("&format=az&kind=telemetry", &[]);
    let event = &lines(&text)[0]["event"];
    assert_eq!(event["interface"], "dtmi:com:example:Thermostat;1");
    assert_eq!(event["annotations"]["dt-dataschema"], event["interface"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_shown_as_it_was_sent_in_every_format() {
    const SHOWN: &str =
        r#"{"n":12345678901234567890123,"b":1.10,"a":[1e3,9007199254740993],"n":-0.0}"#;
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device
        .tell(
            "$.ct=application%2Fjson&$.ce=utf-8",
            SHOWN.replace(',', ",\r\n ").as_bytes(),
        )
        .await;
    for (format, shown) in [
        ("ndjson", format!(r#""body":{SHOWN}}}"#)),
        ("sse", format!(r#""body":{SHOWN}}}"#)),
        ("az", format!(r#""payload":{SHOWN}}}"#)),
        ("csv", format!("\"{}\"", SHOWN.replace('"', "\"\""))),
    ] {
        let (_, text) = site.export(&format!("&format={format}&kind=telemetry"), &[]);
        assert!(text.contains(&shown), "{format}: {text}");
    }
}
