use serde_json::{Value, json};

use crate::site::{Answer, OWNER, Site};

fn send(site: &Site, message: &Value) -> Answer {
    site.call(OWNER, "POST", "/api/devices/t-1/messages", message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_device_with_its_properties() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe("devices/t-1/messages/devicebound/#").await;
    let answer = send(
        &site,
        &json!({
            "body": {"volume": 3}, "messageId": "m-1", "contentType": "application/json",
            "properties": {"urgent": "yes & no"},
        }),
    );
    assert_eq!(
        (answer.status, &answer.json),
        (201, &json!({"messageId": "m-1"}))
    );
    let (topic, body) = device.message().await;
    assert_eq!(body, br#"{"volume":3}"#);
    for part in [
        "%24.mid=m-1",
        "%24.ct=application%2Fjson",
        "urgent=yes%20%26%20no",
    ] {
        assert!(topic.contains(part), "{part} in {topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_text_arrive_as_they_are() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe("devices/t-1/messages/devicebound/#").await;
    send(&site, &json!({"base64": "/wA="}));
    send(&site, &json!({"text": "1"}));
    let body = r#"{"b": 1.10, "a": 12345678901234567890123}"#;
    let message = format!(r#"{{"body": {body}}}"#);
    site.send(OWNER, "POST", "/api/devices/t-1/messages", &[], &message);
    assert_eq!(device.message().await.1, [0xff, 0]);
    assert_eq!(device.message().await.1, b"1");
    assert_eq!(device.message().await.1, body.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_refused_with_the_reason() {
    let site = Site::start().await;
    site.register("t-1");
    for (message, status, text) in [
        (json!({}), 400, "one of body"),
        (
            json!({"text": "", "properties": {"$.to": "x"}}),
            400,
            "a leading '$' is reserved",
        ),
        (
            json!({"text": "x".repeat(65_537)}),
            413,
            "the limit is 65536",
        ),
    ] {
        let answer = send(&site, &message);
        assert_eq!(answer.status, status);
        let said = answer.json["message"].as_str().unwrap();
        assert!(said.contains(text), "{said}");
    }
    let unknown = site.call(
        OWNER,
        "POST",
        "/api/devices/t-9/messages",
        &json!({"text": ""}),
    );
    assert_eq!(unknown.status, 404);
}
