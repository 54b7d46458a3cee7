use serde_json::json;

use crate::site::{OWNER, Site};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_made_read_changed_and_removed() {
    let site = Site::start().await;
    let made = site.call(OWNER, "PUT", "/devices/t-1", &json!({"deviceId": "t-1"}));
    assert_eq!(made.status, 200);
    assert_eq!(made.json["status"], "enabled");
    let key = &made.json["authentication"]["symmetricKey"]["primaryKey"];
    assert_eq!(key.as_str().unwrap().len(), 44);
    assert_eq!(
        made.etag.unwrap(),
        format!("\"{}\"", made.json["etag"].as_str().unwrap())
    );

    let disabled = json!({"deviceId": "t-1", "status": "disabled"}).to_string();
    let any = [("if-match", "\"*\"")];
    let changed = site.send(OWNER, "PUT", "/devices/t-1", &any, &disabled);
    assert_eq!(changed.json["status"], "disabled");
    assert_eq!(site.get(OWNER, "/devices/t-1").json, changed.json);

    let removed = site.send(OWNER, "DELETE", "/devices/t-1", &any, "");
    assert_eq!(removed.status, 204);
    assert_eq!(site.get(OWNER, "/devices/t-1").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_azures_names_and_texts() {
    let site = Site::start().await;
    let device = json!({"deviceId": "t-1"});
    site.call(OWNER, "PUT", "/devices/t-1", &device);

    let twice = site.call(OWNER, "PUT", "/devices/t-1", &device);
    assert_eq!(
        (twice.status, twice.name.as_deref()),
        (409, Some("DeviceAlreadyExists"))
    );
    let text = "ErrorCode:DeviceAlreadyExists;A device with ID 't-1' is already registered.";
    assert_eq!(twice.json["Message"], text);

    let unknown = site.get(OWNER, "/devices/t-9");
    assert_eq!(
        (unknown.status, unknown.name.as_deref()),
        (404, Some("DeviceNotFound"))
    );
    assert_eq!(unknown.json["Message"], "ErrorCode:DeviceNotFound;t-9");
    let tracking = unknown.json["ExceptionMessage"].as_str().unwrap();
    assert!(tracking.starts_with("Tracking ID:"), "{tracking}");

    let stale = [("if-match", "\"AAAAAAAAAAA=\"")];
    let stale = site.send(OWNER, "PUT", "/devices/t-1", &stale, &device.to_string());
    assert_eq!(
        (stale.status, stale.name.as_deref()),
        (412, Some("PreconditionFailed"))
    );

    let other = site.call(OWNER, "PUT", "/devices/t-2", &device);
    assert_eq!(
        (other.status, other.name.as_deref()),
        (400, Some("ArgumentInvalid"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_as_long_as_asked_for() {
    let site = Site::start().await;
    for id in ["a", "b", "c"] {
        site.register(id);
    }
    let count = |path| site.get(OWNER, path).json.as_array().map(Vec::len);
    assert_eq!(count("/devices"), Some(3));
    assert_eq!(count("/devices?top=2"), Some(2));
    assert_eq!(site.get(OWNER, "/devices?top=none").status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_may_hold_whatever_azure_allows() {
    let site = Site::start().await;
    let id = "a#b?c%d'e";
    let device = json!({"deviceId": id});
    let made = site.call(OWNER, "PUT", "/devices/a%23b%3Fc%25d'e", &device);
    assert_eq!(made.json["deviceId"], id);
}
