use serde_json::{Value, json};

use crate::{
    device::Device,
    site::{Answer, OWNER, Site},
};

const METHODS: &str = "$iothub/methods/POST/#";

fn call(site: &Site, request: &Value) -> Answer {
    site.call(OWNER, "POST", "/twins/t-1/methods", request)
}

/// Calls while the device waits for a call with this payload, to answer it so.
async fn exchange(
    site: &Site,
    device: Device,
    request: &Value,
    (payload, status, answer): (String, i64, Value),
) -> (Answer, Device) {
    let answering = tokio::spawn(async move {
        let mut device = device;
        device.answer_call(&payload, status, &answer).await;
        device
    });
    let answer = call(site, request);
    (answer, answering.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_devices_answer_is_the_answer_whatever_its_status() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe(METHODS).await;
    for status in [200, 404, 501, -1] {
        let payload = json!({"b": [status]});
        let request = json!({"methodName": "m", "payload": {"a": 1}});
        let reply = (r#"{"a":1}"#.into(), status, payload.clone());
        let answer;
        (answer, device) = exchange(&site, device, &request, reply).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json, json!({"status": status, "payload": payload}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_of_null_is_none_and_the_device_gets_an_empty_body() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe(METHODS).await;
    for request in [
        json!({"methodName": "m"}),
        json!({"methodName": "m", "payload": null}),
    ] {
        let answer;
        let reply = (String::new(), 200, Value::Null);
        (answer, device) = exchange(&site, device, &request, reply).await;
        assert_eq!(answer.json, json!({"status": 200, "payload": null}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payload_and_response_pass_as_they_were_written() {
    const PAYLOAD: &str = r#"{"b": 1.10, "a": [1e3, 12345678901234567890123],  "b": 2}"#;
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe(METHODS).await;
    let answering = tokio::spawn(async move {
        device.answer_call_with(PAYLOAD, 200, PAYLOAD).await;
        device
    });
    let request = format!(r#"{{"methodName": "m", "payload": {PAYLOAD}}}"#);
    let answer = site.send(OWNER, "POST", "/twins/t-1/methods", &[], &request);
    assert_eq!(
        answer.text,
        format!(r#"{{"status":200,"payload":{PAYLOAD}}}"#)
    );
    let _device = answering.await.unwrap();
    let compact = PAYLOAD.replace(' ', "");
    let (_, events) = site.export("&format=ndjson&kind=command", &[]);
    assert!(
        events.contains(&format!(
            r#""payload":{compact},"status":200,"response":{compact}"#
        )),
        "{events}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_json_is_an_error_that_shows_it_and_the_device_stays() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe(METHODS).await;
    for answer in ["hello", "{'file': 'a'}"] {
        let answering = tokio::spawn(async move {
            device.answer_call_with("", 200, answer).await;
            device
        });
        let refused = call(&site, &json!({"methodName": "m"}));
        device = answering.await.unwrap();
        let name = refused.name.as_deref();
        assert_eq!(
            (refused.status, name),
            (502, Some("InvalidResponseWhileProxying"))
        );
        let message = refused.json["Message"].as_str().unwrap();
        assert!(message.contains(answer), "{message}");
        let (_, events) = site.export("&format=ndjson&kind=command&last=1", &[]);
        let event: Value = serde_json::from_str(&events).unwrap();
        assert!(event["error"].as_str().unwrap().contains(answer), "{event}");
        assert_eq!(event.get("response"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timeouts_are_numbers_or_text_within_azures_bounds() {
    let site = Site::start().await;
    site.register("t-1");
    for (timeout, status) in [
        (json!(5), 404),
        (json!("300"), 404),
        (json!(4), 400),
        (json!("301"), 400),
        (json!("soon"), 400),
    ] {
        let request = json!({"methodName": "m", "responseTimeoutInSeconds": timeout});
        assert_eq!(call(&site, &request).status, status, "{timeout}");
    }
    let request = json!({"methodName": "m", "connectTimeoutInSeconds": 301});
    assert_eq!(call(&site, &request).status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_there_is_told_in_azures_nested_shape() {
    let site = Site::start().await;
    site.register("t-1");
    let request = json!({"methodName": "m", "connectTimeoutInSeconds": "1"});
    let answer = call(&site, &request);
    assert_eq!(
        (answer.status, answer.name.as_deref()),
        (404, Some("DeviceNotOnline"))
    );
    let nested: Value = serde_json::from_str(answer.json["Message"].as_str().unwrap()).unwrap();
    assert_eq!(nested["errorCode"], 404_103);
    assert_eq!(nested["info"], json!({"timeout": "00:00:01"}));
    assert_eq!(answer.json["ExceptionMessage"], "");

    let unknown = site.call(
        OWNER,
        "POST",
        "/twins/t-9/methods",
        &json!({"methodName": "m"}),
    );
    assert_eq!(
        (unknown.status, unknown.name.as_deref()),
        (404, Some("DeviceNotFound"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_arrives_whole() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe(METHODS).await;
    let large = json!("\u{1}".repeat(20_000));
    let request = json!({"methodName": "m", "payload": large});
    let reply = (large.to_string(), 200, large.clone());
    let (answer, _device) = exchange(&site, device, &request, reply).await;
    assert_eq!(answer.json["payload"], large);
}
