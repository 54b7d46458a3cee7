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

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_message_is_not_delivered_and_is_not_counted() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    let late = json!({"text": "too late", "expiryTimeUtc": "2020-01-01T00:00:00Z"});
    assert_eq!(send(&site, &late).status, 201);
    let registered = site.call(OWNER, "GET", "/devices/t-1", &json!(null));
    assert_eq!(registered.json["cloudToDeviceMessageCount"], 0);
    device.subscribe("devices/t-1/messages/devicebound/#").await;
    let in_time =
        json!({"text": "in time", "userId": "u 1", "to": "/devices/t-1/messages/devicebound"});
    assert_eq!(send(&site, &in_time).status, 201);
    let (topic, body) = device.message().await;
    assert_eq!(body, b"in time");
    assert!(topic.contains("%24.uid=u%201"), "{topic}");
    assert!(!topic.contains("%24.exp"), "{topic}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expiry_is_told_to_the_device() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe("devices/t-1/messages/devicebound/#").await;
    let expiry = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
    let message = json!({"text": "1", "expiryTimeUtc": format!("{expiry:.0}")});
    assert_eq!(send(&site, &message).status, 201);
    let topic = device.message().await.0;
    let written = format!("{expiry:.0}")
        .replace(':', "%3A")
        .replace('Z', ".000Z");
    assert!(topic.contains(&format!("%24.exp={written}")), "{topic}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cloud_would_not_do_with_a_message_is_refused_by_name() {
    let site = Site::start().await;
    site.register("t-1");
    for (message, status, text) in [
        (json!({"text": "", "ack": "full"}), 501, "feedback (ack)"),
        (json!({"text": "", "ack": "maybe"}), 400, "invalid ack"),
        (
            json!({"text": "", "contenttype": "text/plain"}),
            400,
            "`contenttype`",
        ),
        (
            json!({"text": "", "to": "/devices/t-2/messages/devicebound"}),
            400,
            "invalid to",
        ),
        (
            json!({"text": "", "expiryTimeUtc": "soon"}),
            400,
            "invalid expiryTimeUtc",
        ),
        (
            json!({"text": "", "expiryTimeUtc": "2999-01-01T00:00:00Z"}),
            400,
            "2 days at most",
        ),
    ] {
        let answer = send(&site, &message);
        let said = answer.json["message"].as_str().unwrap_or_default();
        assert_eq!(answer.status, status, "{said}");
        assert!(said.contains(text), "{said}");
    }
    let queued = site.call(OWNER, "GET", "/devices/t-1", &json!(null));
    assert_eq!(queued.json["cloudToDeviceMessageCount"], 0);
    assert_eq!(send(&site, &json!({"text": "", "ack": "none"})).status, 201);
}
