use serde_json::json;

use crate::site::{OWNER, Site};

#[tokio::test(flavor = "multi_thread")]
async fn switches_stay_as_they_were_turned() {
    let site = Site::start().await;
    let off = json!({"refuseConnects": false, "withholdAcks": false});
    assert_eq!(site.get(OWNER, "/api/faults").json, off);
    let on = site.call(
        OWNER,
        "POST",
        "/api/faults",
        &json!({"refuseConnects": true}),
    );
    assert_eq!(
        on.json,
        json!({"refuseConnects": true, "withholdAcks": false})
    );
    assert_eq!(site.get(OWNER, "/api/faults").json, on.json);
    let both = json!({"forgetSessions": true, "resetConnections": true});
    assert_eq!(site.call(OWNER, "POST", "/api/faults", &both).json, on.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_is_not_there_is_named() {
    let site = Site::start().await;
    let answer = site.call(OWNER, "POST", "/api/faults", &json!({"refuse": true}));
    assert_eq!(answer.status, 400);
    let message = answer.json["Message"].as_str().unwrap();
    assert!(message.contains("unknown field `refuse`"), "{message}");
}
