use serde_json::{Value, json};

use crate::site::{Answer, OWNER, Site};

fn change(site: &Site, orders: Value) -> Answer {
    site.call(OWNER, "POST", "/devices", &orders)
}

/// The ids and codes of what failed.
fn failures(answer: &Answer) -> Vec<(&str, &str)> {
    assert_eq!(answer.json["isSuccessful"], answer.status == 200);
    assert_eq!(answer.json["warnings"], json!([]));
    let errors = answer.json["errors"].as_array().unwrap().iter();
    let text = |error: &'_ Value, key: &str| error[key].as_str().unwrap().to_owned().leak() as &str;
    errors
        .map(|error| {
            assert!(error["errorStatus"].is_string());
            (text(error, "deviceId"), text(error, "errorCode"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_devices_are_made_changed_and_removed_at_once() {
    let site = Site::start().await;
    let made = change(
        &site,
        json!([
            {"id": "a", "importMode": "create", "tags": {"site": 1}, "properties": {"desired": {"b": 2}, "reported": {"c": 3}}},
            {"id": "b", "importMode": "Create", "status": "disabled", "statusReason": "new",
             "authentication": {"type": "sas", "symmetricKey": {"primaryKey": null, "secondaryKey": null}}},
            {"id": "c"},
        ]),
    );
    assert_eq!(
        made.json,
        json!({"isSuccessful": true, "errors": [], "warnings": []})
    );
    let twin = site.get(OWNER, "/twins/a").json;
    assert_eq!(
        (&twin["tags"], &twin["properties"]["desired"]["b"]),
        (&json!({"site": 1}), &json!(2))
    );
    assert!(twin["properties"]["reported"].get("c").is_none());
    let device = site.get(OWNER, "/devices/b").json;
    assert_eq!(
        (&device["status"], &device["statusReason"]),
        (&json!("disabled"), &json!("new"))
    );

    let changed = change(
        &site,
        json!([
            {"id": "a", "importMode": "UPDATETWIN", "tags": {"floor": 2}},
            {"id": "b", "importMode": "createOrUpdate", "status": "enabled", "tags": {"site": 2}},
            {"id": "c", "importMode": "Delete"},
        ]),
    );
    assert!(failures(&changed).is_empty());
    assert_eq!(
        site.get(OWNER, "/twins/a").json["tags"],
        json!({"site": 1, "floor": 2})
    );
    assert_eq!(site.get(OWNER, "/devices/b").json["status"], "enabled");
    assert_eq!(site.get(OWNER, "/twins/b").json["tags"], json!({"site": 2}));
    assert_eq!(site.get(OWNER, "/devices/c").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_listed_and_the_rest_is_done() {
    let site = Site::start().await;
    site.register("a");
    let answer = change(
        &site,
        json!([
            {"id": "a", "importMode": "create"},
            {"id": "b", "importMode": "create"},
            {"id": "b", "importMode": "delete"},
            {"id": "c", "importMode": "update"},
            {"id": "d", "importMode": "updateTwin", "tags": {}},
            {"id": "e", "importMode": "sing"},
            {"id": "f/g", "importMode": "create"},
            {"id": "h", "moduleId": "m", "importMode": "create"},
            {"id": "i", "importMode": "create", "tags": {"a.b": 1}},
            {"id": "j", "importMode": "create", "capabilities": {"iotEdge": true}},
        ]),
    );
    assert_eq!(
        (answer.status, answer.name.as_deref()),
        (400, Some("BulkRegistryOperationFailure"))
    );
    assert_eq!(
        failures(&answer),
        [
            ("a", "DeviceAlreadyExists"),
            ("b", "DeviceDefinedMultipleTimes"),
            ("c", "DeviceNotFound"),
            ("d", "DeviceNotFound"),
            ("e", "ArgumentInvalid"),
            ("f/g", "ArgumentInvalid"),
            ("h", "ArgumentInvalid"),
            ("i", "ArgumentInvalid"),
            ("j", "NotSupported"),
        ]
    );
    assert_eq!(site.get(OWNER, "/devices/b").status, 200);
    assert_eq!(site.get(OWNER, "/devices/i").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_counts_where_the_mode_says_so() {
    let site = Site::start().await;
    site.register("a");
    let device = site.get(OWNER, "/devices/a").json["etag"].clone();
    let twin = site.get(OWNER, "/twins/a").json["etag"].clone();
    let one = |order: Value| change(&site, json!([order]));
    for order in [
        json!({"id": "a", "importMode": "updateIfMatchETag", "eTag": "AAAA"}),
        json!({"id": "a", "importMode": "createOrUpdateIfMatchETag"}),
        json!({"id": "a", "importMode": "deleteIfMatchETag", "eTag": "\"AAAA\""}),
        json!({"id": "a", "importMode": "updateTwinIfMatchETag", "twinETag": "AAAA", "tags": {}}),
    ] {
        assert_eq!(failures(&one(order)), [("a", "PreconditionFailed")]);
    }
    for order in [
        json!({"id": "a", "importMode": "updateTwinIfMatchETag", "twinETag": twin, "tags": {"x": 1}}),
        json!({"id": "a", "importMode": "UpdateIfMatchETag", "etag": device}),
        json!({"id": "a", "importMode": "deleteIfMatchETag", "eTag": "*"}),
    ] {
        assert!(failures(&one(order)).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_and_too_long_a_list_are_refused_whole() {
    let site = Site::start().await;
    let many: Vec<_> = (0..101).map(|id| json!({"id": id.to_string()})).collect();
    for body in [
        json!([]),
        json!({}),
        json!([{}]),
        json!([{"id": 1}]),
        many.into(),
    ] {
        let answer = change(&site, body);
        assert_eq!(
            (answer.status, answer.name.as_deref()),
            (400, Some("ArgumentInvalid"))
        );
        assert!(
            answer.json["Message"]
                .as_str()
                .unwrap()
                .starts_with("ErrorCode:ArgumentInvalid;")
        );
    }
    assert_eq!(site.get(OWNER, "/devices").json, json!([]));
}
