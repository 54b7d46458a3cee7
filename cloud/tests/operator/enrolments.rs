use serde_json::{Value, json};

use crate::site::{PROVISIONING, Site};

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_is_made_with_keys_kept_and_removed() {
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
        let again = site.call(PROVISIONING, "PUT", path, &body);
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
