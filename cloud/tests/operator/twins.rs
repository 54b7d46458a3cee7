use serde_json::json;

use crate::site::{Answer, OWNER, Site};

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
async fn what_a_device_reports_makes_no_change_of_an_operators_late() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe("$iothub/twin/res/#").await;
    let before = site.get(OWNER, TWIN);
    device
        .publish(
            "$iothub/twin/PATCH/properties/reported/?$rid=1",
            r#"{"b": 1}"#,
        )
        .await;
    device.message().await;
    let after = site.get(OWNER, TWIN);
    assert_eq!(after.json["version"], json!(2));
    assert_eq!(after.etag, before.etag);
    let patch = json!({"tags": {"a": 1}}).to_string();
    let etag = before.etag.unwrap();
    let changed = site.send(OWNER, "PATCH", TWIN, &[("if-match", &etag)], &patch);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.etag, Some(etag));
}

#[tokio::test(flavor = "multi_thread")]
async fn slashes_in_the_path_may_be_encoded_and_stand_at_its_end() {
    let site = Site::start().await;
    site.register("t-1");
    assert_eq!(site.get(OWNER, "/devices/").json[0]["deviceId"], "t-1");
    assert_eq!(site.get(OWNER, "/devices%2F").status, 200);
    assert_eq!(site.get(OWNER, "/").status, 404);
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
    assert_eq!(body, br#"{"targetTemperature":23.5,"$version":2}"#);
}

const WRITERS: u64 = 100;

/// What each of many writers is told who all write at once.
fn writers(site: &Site, headers: &[(&str, &str)]) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let write = |writer| {
            let patch = json!({"properties": {"desired": {"writer": writer}}}).to_string();
            scope.spawn(move || site.send(OWNER, "PATCH", TWIN, headers, &patch))
        };
        let writing: Vec<_> = (0..WRITERS).map(write).collect();
        let told = writing.into_iter().map(|writer| writer.join().unwrap());
        told.collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_writers_with_the_same_etag_one_wins_each_round() {
    let site = Site::start().await;
    site.register("t-1");
    for version in 2..5 {
        let etag = site.get(OWNER, TWIN).etag.unwrap();
        let told = writers(&site, &[("if-match", &etag)]);
        let (won, lost): (Vec<_>, Vec<_>) = told.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| answer.status == 412));
        let twin = site.get(OWNER, TWIN);
        assert_eq!(won[0].json, twin.json);
        assert_eq!(twin.json["version"], version);
        assert_eq!(twin.json["properties"]["desired"]["$version"], version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_writers_without_an_etag_make_a_version_each() {
    let site = Site::start().await;
    site.register("t-1");
    let told = writers(&site, &[]);
    let versions = told.iter().map(|answer| {
        let twin = &answer.json;
        assert_eq!(twin["version"], twin["properties"]["desired"]["$version"]);
        twin["version"].as_u64().unwrap()
    });
    let mut versions: Vec<_> = versions.collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..2 + WRITERS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_goes_to_the_device_in_its_order_and_digits_with_the_version_last() {
    const DESIRED: &str =
        r#""thermostat1":{"__t":"c","targetTemperature":21.50,"b":1e3},"a":[1.10]"#;
    const REPORTED: &str = r#""z":1.0,"a":-0.0"#;
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device
        .subscribe("$iothub/twin/PATCH/properties/desired/#")
        .await;
    device.subscribe("$iothub/twin/res/#").await;
    let patch =
        format!(r#"{{"tags":{{"z":2.50,"a":1}},"properties":{{"desired":{{{DESIRED}}}}}}}"#);
    let answer = site.send(OWNER, "PATCH", TWIN, &[], &patch);
    assert!(answer.text.contains(r#""tags":{"z":2.50,"a":1}"#));
    assert!(answer.text.contains(&format!("\"desired\":{{{DESIRED},")));
    let (_, push) = device.message().await;
    let expected = format!("{{{DESIRED},\"$version\":2}}");
    assert_eq!(String::from_utf8(push).unwrap(), expected);

    let topic = "$iothub/twin/PATCH/properties/reported/?$rid=1";
    device.publish(topic, &format!("{{{REPORTED}}}")).await;
    device.message().await;
    device.publish("$iothub/twin/GET/?$rid=2", "").await;
    let (_, twin) = device.message().await;
    let expected = format!(
        r#"{{"desired":{{{DESIRED},"$version":2}},"reported":{{{REPORTED},"$version":2}}}}"#
    );
    assert_eq!(String::from_utf8(twin).unwrap(), expected);

    let query = r#"{"query": "SELECT properties.reported FROM devices WHERE tags.z > 2.4"}"#;
    let rows = site.send(OWNER, "POST", "/devices/query", &[], query);
    let row = format!(r#"[{{"reported":{{{REPORTED},"$metadata""#);
    assert!(rows.text.starts_with(&row), "{}", rows.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn null_removes_in_a_patch_and_is_refused_in_a_replacement() {
    let site = Site::start().await;
    site.register("t-1");
    for body in [
        json!({"tags": {"a": 1, "gone": null}}),
        json!({"properties": {"desired": {"a": {"gone": null}}}}),
    ] {
        assert_eq!(site.call(OWNER, "PATCH", TWIN, &body).status, 200);
        let refused = site.call(OWNER, "PUT", TWIN, &body);
        assert_eq!(refused.status, 400);
        assert_eq!(
            refused.json["Message"],
            "ErrorCode:ArgumentInvalid;Value of Property or Tag cannot be null. Error in Property/Tag gone"
        );
    }
}
