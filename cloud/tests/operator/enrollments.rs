use cloud::{dir::Running, dps::EnrollmentKind, sas::derive_key};
use serde_json::{Value, json};

use crate::{
    device::Device,
    site::{PROVISIONING, Site},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_enrollment_is_made_with_keys_kept_and_removed() {
    let site = Site::start().await;
    for (path, id) in [
        ("/enrollments/t-1", "registrationId"),
        ("/enrollmentGroups/t-1", "enrollmentGroupId"),
    ] {
        let body = json!({id: "t-1", "attestation": {"type": "symmetricKey"}});
        let made = site.call(PROVISIONING, "PUT", path, &body);
        assert_eq!((made.status, &made.json[id]), (200, &json!("t-1")));
        let keys = |json: &Value| json["attestation"]["symmetricKey"].clone();
        assert_eq!(keys(&made.json)["primaryKey"].as_str().unwrap().len(), 44);
        let twice = site.call(PROVISIONING, "PUT", path, &body);
        assert_eq!(
            (twice.status, &twice.json["errorCode"]),
            (409, &json!(409_201))
        );
        let headers = [("if-match", "*")];
        let again = site.send(PROVISIONING, "PUT", path, &headers, &body.to_string());
        assert_eq!(keys(&again.json), keys(&made.json));
        let read = site.get(PROVISIONING, path);
        assert_eq!((&read.json, read.etag), (&again.json, again.etag));

        assert_eq!(site.delete(PROVISIONING, path).status, 204);
        let gone = site.get(PROVISIONING, path);
        assert_eq!(
            (gone.status, &gone.json["errorCode"]),
            (404, &json!(404_201))
        );
        assert!(gone.json["trackingId"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_nobody_made_is_not_there() {
    let site = Site::start().await;
    let answer = site.get(PROVISIONING, "/registrations/t-1");
    assert_eq!(
        (answer.status, &answer.json["errorCode"]),
        (404, &json!(404_202))
    );
    assert_eq!(site.delete(PROVISIONING, "/registrations/t-1").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_to_whoever_asks_for_the_attestation() {
    let site = Site::start().await;
    for path in ["/enrollments/t-1", "/enrollmentGroups/t-1"] {
        let made = site.call(PROVISIONING, "PUT", path, &json!({}));
        let shown = site.call(
            PROVISIONING,
            "POST",
            &format!("{path}/attestationmechanism"),
            &json!({}),
        );
        assert_eq!(
            (shown.status, &shown.json),
            (200, &made.json["attestation"])
        );
        assert_eq!(shown.json["type"], "symmetricKey");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_twin_is_shown_as_it_was_given() {
    let site = Site::start().await;
    let twin = json!({"tags": {"room": 5}, "properties": {"desired": {"a": 1}}});
    let body = json!({"initialTwin": twin});
    let made = site.call(PROVISIONING, "PUT", "/enrollments/t-1", &body);
    assert_eq!(made.json["initialTwin"], twin);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_together_are_the_whole_list() {
    let site = Site::start().await;
    for (list, id_name, item_type) in [
        ("/enrollments", "registrationId", "Enrollment"),
        ("/enrollmentGroups", "enrollmentGroupId", "EnrollmentGroup"),
    ] {
        let ids: Vec<_> = (0..5).map(|n| format!("e-{n}")).collect();
        for id in &ids {
            site.call(PROVISIONING, "PUT", &format!("{list}/{id}"), &json!({}));
        }
        let path = format!("{list}/query");
        let question = json!({"query": "select * from enrollments"}).to_string();
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let mut headers = vec![("x-ms-max-item-count", "2")];
            headers.extend(from.as_deref().map(|from| ("x-ms-continuation", from)));
            let page = site.send(PROVISIONING, "POST", &path, &headers, &question);
            assert_eq!(page.header("x-ms-item-type"), Some(item_type));
            let items = page.json.as_array().unwrap().iter();
            assert!(items.len() <= 2, "{}", page.json);
            found.extend(items.map(|item| item[id_name].as_str().unwrap().to_owned()));
            match page.header("x-ms-continuation") {
                Some(next) => from = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(found, ids);
        for (query, status) in [
            ("*", 200),
            ("", 200),
            ("SELECT *", 200),
            // As the IoT extension of az sends it.
            ("[<azext_iot.QuerySpecification object at 0x7f00>]", 200),
            ("SELECT * FROM x WHERE a = 1", 501),
            ("nonsense", 400),
        ] {
            let question = json!({"query": query});
            assert_eq!(
                site.call(PROVISIONING, "POST", &path, &question).status,
                status
            );
        }
        let none = [("x-ms-max-item-count", "0")];
        let none = site.send(PROVISIONING, "POST", &path, &none, &question);
        assert_eq!(none.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_lists_the_devices_it_let_in_and_forgets_one_by_its_etag() {
    let site = Site::start().await;
    for group in ["g-1", "g-2"] {
        site.call(
            PROVISIONING,
            "PUT",
            &format!("/enrollmentGroups/{group}"),
            &json!({}),
        );
    }
    let group = site
        .cloud
        .dps()
        .enrollment(EnrollmentKind::Group, "g-1")
        .unwrap();
    let key = derive_key(&group.keys.primary_key, "t-1").unwrap();
    let running = Running {
        hub_name: site.cloud.dps().assigned_hub().to_owned(),
        dps_name: site.cloud.dps().assigned_hub().to_owned(),
        id_scope: site.cloud.dps().id_scope().to_owned(),
        mqtt: site.cloud.mqtt_addr(),
        https: site.cloud.https_addr(),
        pid: std::process::id(),
    };
    let _device = Device::provision(&running, &site.certificate(), "t-1", &key).await;

    let list = |group: &str| {
        let path = format!("/registrations/{group}/query");
        site.send(PROVISIONING, "POST", &path, &[], "")
    };
    let listed = list("g-1");
    assert_eq!(listed.json[0]["registrationId"], "t-1");
    assert_eq!(listed.header("x-ms-item-type"), Some("DeviceRegistration"));
    assert_eq!(list("g-2").json, json!([]));
    assert_eq!(list("g-3").status, 404);

    let path = "/registrations/t-1";
    let etag = site.get(PROVISIONING, path).etag.unwrap();
    let forget = |etag| site.send(PROVISIONING, "DELETE", path, &[("if-match", etag)], "");
    assert_eq!(forget("\"stale\"").status, 412);
    assert_eq!(forget(&etag).status, 204);
    assert_eq!(list("g-1").json, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_registration_id_is_refused_by_its_rule() {
    let site = Site::start().await;
    for id in ["device@product12", "a%23b", "it's", "q%3Fx", "ends-in-dot."] {
        for list in ["enrollments", "enrollmentGroups"] {
            let path = format!("/{list}/{id}");
            let answer = site.call(PROVISIONING, "PUT", &path, &json!({}));
            assert_eq!(answer.status, 400, "{path}");
            let message = answer.json["message"].as_str().unwrap();
            assert!(message.contains("must have 1 to 128 letters"), "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrollment_is_found_in_any_case_and_so_is_its_path() {
    let site = Site::start().await;
    let made = site.call(PROVISIONING, "PUT", "/enrollmentgroups/G-1", &json!({}));
    assert_eq!(made.json["enrollmentGroupId"], "G-1");
    let found = site.get(PROVISIONING, "/ENROLLMENTGROUPS/g-1");
    assert_eq!(found.json, made.json);
    let twice = site.call(PROVISIONING, "PUT", "/enrollmentGroups/g-1", &json!({}));
    assert_eq!(twice.status, 409);
    let query = json!({"query": "*"});
    let listed = site.call(PROVISIONING, "POST", "/EnrollmentGroups/Query", &query);
    assert_eq!(listed.json[0]["enrollmentGroupId"], "G-1");
}
