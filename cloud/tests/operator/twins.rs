use serde_json::json;

use crate::site::{OWNER, Site};

const TWIN: &str = "/twins/t-1";

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_merges_and_a_put_replaces() {
    let site = Site::start().await;
    site.register("t-1");
    let patch = json!({"tags": {"room": "5"}, "properties": {"desired": {"a": 1, "b": {"c": 2}}}});
    site.call(OWNER, "PATCH", TWIN, &patch);
    let more = json!({"properties": {"desired": {"a": null, "b": {"d": 3}}}});
    let merged = site.call(OWNER, "PATCH", TWIN, &more);
    assert_eq!(merged.status, 200);
    let desired = &merged.json["properties"]["desired"];
    assert_eq!(desired["b"], json!({"c": 2, "d": 3}));
    assert!(desired.get("a").is_none());
    assert_eq!(merged.json["tags"], json!({"room": "5"}));

    let whole = json!({"tags": {}, "properties": {"desired": {"e": 4}}});
    let replaced = site.call(OWNER, "PUT", TWIN, &whole);
    assert_eq!(replaced.json["tags"], json!({}));
    assert!(replaced.json["properties"]["desired"].get("b").is_none());
    assert_eq!(site.get(OWNER, TWIN).json, replaced.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_something_that_has_changed_is_refused() {
    let site = Site::start().await;
    site.register("t-1");
    let etag = site.get(OWNER, TWIN).etag.unwrap();
    let patch = json!({"tags": {"a": 1}}).to_string();
    let change = || site.send(OWNER, "PATCH", TWIN, &[("if-match", &etag)], &patch);
    assert_eq!(change().status, 200);
    let late = change();
    assert_eq!(
        (late.status, late.name.as_deref()),
        (412, Some("PreconditionFailed"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slashes_in_the_path_may_be_encoded() {
    let site = Site::start().await;
    site.register("t-1");
    assert_eq!(site.get(OWNER, "/twins%2Ft-1").json["deviceId"], "t-1");
    assert_eq!(site.get(OWNER, "/twins%2ft-1").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_device_is_told_of_a_change_at_once() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device
        .subscribe("$iothub/twin/PATCH/properties/desired/#")
        .await;
    let patch = json!({"properties": {"desired": {"targetTemperature": 23.5}}});
    site.call(OWNER, "PATCH", TWIN, &patch);
    let (topic, body) = device.message().await;
    assert_eq!(topic, "$iothub/twin/PATCH/properties/desired/?$version=2");
    assert_eq!(body, br#"{"$version":2,"targetTemperature":23.5}"#);
}
