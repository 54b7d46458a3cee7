use serde_json::{Value, json};

use crate::{
    device::Device,
    site::{Answer, OWNER, Site},
};

const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/#";
const METHODS: &str = "$iothub/methods/POST/#";
const TWIN: &str = "/digitaltwins/t-1";

fn change(site: &Site, operations: &Value) -> Answer {
    site.call(OWNER, "PATCH", TWIN, operations)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_is_set_reaches_the_device_and_comes_back_acknowledged() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe(DESIRED).await;
    device.subscribe("$iothub/twin/res/#").await;
    let operation = json!([{"op": "add", "path": "/targetTemperature", "value": 21.5}]);
    let changed = change(&site, &operation);
    assert_eq!(changed.status, 202);
    assert_eq!(changed.header("location"), Some(TWIN));
    assert_eq!(changed.json, json!(""));
    device.acknowledge("targetTemperature", 200).await;
    device.message().await;

    let shown = site.get(OWNER, TWIN);
    assert_eq!(shown.json["$dtId"], "t-1");
    assert_eq!(shown.json["targetTemperature"], 21.5);
    let metadata = &shown.json["$metadata"];
    assert_eq!(metadata["$model"], "dtmi:com:example:Thermostat;1");
    let about = &metadata["targetTemperature"];
    for (name, value) in [
        ("desiredValue", json!(21.5)),
        ("desiredVersion", json!(2)),
        ("ackVersion", json!(2)),
        ("ackCode", json!(200)),
        ("ackDescription", json!("seen")),
    ] {
        assert_eq!(about[name], value, "{name}");
    }
    assert!(about["lastUpdateTime"].is_string());
    assert_eq!(shown.etag, changed.etag);
    assert_eq!(shown.etag, site.get(OWNER, "/twins/t-1").etag);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_does_not_suit_the_model_changes_nothing_and_names_the_operation() {
    let site = Site::start().await;
    let _device = site.device("t-1").await;
    let before = site.get(OWNER, "/twins/t-1").json;
    for (path, value, why) in [
        ("/speed", json!(1), "has no property"),
        ("/maxTempSinceLastReboot", json!(1), "is not writable"),
        ("/targetTemperature", json!("hot"), "expected a number"),
    ] {
        let good = json!({"op": "add", "path": "/targetTemperature", "value": 1});
        let bad = json!({"op": "replace", "path": path, "value": value});
        let answer = change(&site, &json!([good, bad]));
        assert_eq!(
            (answer.status, answer.name.as_deref()),
            (400, Some("ArgumentInvalid"))
        );
        let message = answer.json["Message"].as_str().unwrap();
        let label = format!("ErrorCode:ArgumentInvalid;operation 2 (replace {path}): ");
        assert!(
            message.starts_with(&label) && message.contains(why),
            "{message}"
        );
    }
    assert_eq!(
        site.get(OWNER, "/twins/t-1").json["version"],
        before["version"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_whatever_is_well_formed_is_taken() {
    let site = Site::start().await;
    site.register("t-1");
    let component = json!({"x": {"y": true}, "$metadata": {}});
    let operations = json!([{"op": "add", "path": "/c", "value": component}]);
    assert_eq!(change(&site, &operations).status, 202);
    let desired = &site.get(OWNER, "/twins/t-1").json["properties"]["desired"];
    assert_eq!(desired["c"], json!({"__t": "c", "x": {"y": true}}));
    let shown = site.get(OWNER, TWIN).json;
    assert_eq!(
        shown["c"]["$metadata"]["x"]["desiredValue"],
        json!({"y": true})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_with_a_stale_etag_is_refused() {
    let site = Site::start().await;
    site.register("t-1");
    let etag = site.get(OWNER, TWIN).etag.unwrap();
    let patch = json!([{"op": "add", "path": "/a", "value": 1}]).to_string();
    let change = || site.send(OWNER, "PATCH", TWIN, &[("if-match", &etag)], &patch);
    assert_eq!(change().status, 202);
    let late = change();
    assert_eq!(
        (late.status, late.name.as_deref()),
        (412, Some("PreconditionFailed"))
    );
}

/// Calls while the device waits for a call, to answer it so. Returns what the method was called too.
async fn command(site: &Site, mut device: Device, path: &str, payload: &str) -> (Answer, String) {
    let answering = tokio::spawn(async move {
        let (topic, body) = device.message().await;
        let (_, rid) = topic.split_once("?$rid=").unwrap();
        let body = json!({"got": String::from_utf8(body).unwrap()});
        let result = format!("$iothub/methods/res/404/?$rid={rid}");
        device.publish(&result, &body.to_string()).await;
        topic
    });
    let answer = site.send(OWNER, "POST", path, &[], payload);
    (answer, answering.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_a_bare_payload_and_the_devices_status_stands_in_a_header() {
    let site = Site::start().await;
    for (below, payload, method) in [
        ("commands/m", "[1]", "m"),
        ("commands/m?responseTimeoutInSeconds=5", "", "m"),
        ("components/c/commands/m", r#"{"b": 1.10, "a": 1e3}"#, "c*m"),
    ] {
        let _ = site.cloud.hub().delete_device("t-1", None);
        let mut device = site.device("t-1").await;
        device.subscribe(METHODS).await;
        let (answer, topic) = command(&site, device, &format!("{TWIN}/{below}"), payload).await;
        assert_eq!(
            (answer.status, &answer.json),
            (200, &json!({"got": payload}))
        );
        assert_eq!(answer.header("x-ms-command-statuscode"), Some("404"));
        assert!(answer.header("x-ms-request-id").is_some());
        assert!(
            topic.starts_with(&format!("$iothub/methods/POST/{method}/?")),
            "{topic}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_a_device_that_is_away_or_with_a_wrong_timeout_is_refused() {
    let site = Site::start().await;
    site.register("t-1");
    for (query, status) in [
        ("", 404),
        (
            "?connectTimeoutInSeconds=0&responseTimeoutInSeconds=300",
            404,
        ),
        ("?connectTimeoutInSeconds=301", 400),
        ("?responseTimeoutInSeconds=4", 400),
        ("?responseTimeoutInSeconds=soon", 400),
    ] {
        let path = format!("{TWIN}/commands/m{query}");
        assert_eq!(
            site.send(OWNER, "POST", &path, &[], "").status,
            status,
            "{query}"
        );
    }
}
