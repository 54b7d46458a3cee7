use serde_json::{Value, json};

use crate::{
    process::{Service, code, stderr},
    site::{Answer, OWNER, Site},
};

const PATH: &str = "/api/faults";

fn post(site: &Site, request: &Value) -> Answer {
    site.call(OWNER, "POST", PATH, request)
}

/// The active faults, without times.
fn faults(json: &Value) -> Vec<Value> {
    let active = json.as_array().unwrap().iter();
    active.map(|one| one["fault"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_stay_until_they_are_ended() {
    let site = Site::start().await;
    assert_eq!(site.get(OWNER, PATH).json, json!([]));
    let refused = post(&site, &json!({"fault": "refuse"})).json;
    assert_eq!(faults(&refused), [json!("refuse")]);
    let slow = json!({"slow": {"latency": "1.5s"}});
    let both = post(
        &site,
        &json!({"fault": slow, "device": "t-1", "duration": "1h"}),
    )
    .json;
    assert_eq!(
        faults(&both),
        [json!("refuse"), json!({"slow": {"latency": "1s 500ms"}})]
    );
    assert_eq!(both[1]["device"], "t-1");
    assert!(both[1]["until"].as_str() > both[1]["since"].as_str());
    assert_eq!(site.get(OWNER, PATH).json, both);
    let triggered = post(&site, &json!({"oneShot": "reset"})).json;
    assert_eq!(triggered, both);
    let slow = post(&site, &json!({"fault": "refuse", "on": false})).json;
    assert_eq!(slow, json!([both[1]]));
    assert_eq!(site.delete(OWNER, PATH).json, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_makes_no_sense_is_refused_with_the_reason() {
    let site = Site::start().await;
    for (wrong, said) in [
        (json!({"fault": "lightning"}), "unknown variant `lightning`"),
        (
            json!({"fault": {"slow": {"speed": 1}}}),
            "unknown field `speed`",
        ),
        (json!({"refuse": true}), "unknown field `refuse`"),
        (json!({"fault": {"connack": {"code": 9}}}), "must be 1 to 5"),
        (
            json!({"fault": "refuse", "device": "t-1"}),
            "cannot be limited to one device",
        ),
        (
            json!({"fault": "refuse", "oneShot": "reset"}),
            "either fault or oneShot",
        ),
        (
            json!({"oneShot": "reset", "duration": "1s"}),
            "either fault or oneShot",
        ),
        (json!({"fault": "refuse", "duration": "-1s"}), "negative"),
        (json!({}), "either fault or oneShot"),
    ] {
        let answer = post(&site, &wrong);
        assert_eq!(answer.status, 400, "{wrong}");
        let text = answer.json.to_string();
        assert!(text.contains(said), "{text}");
    }
    let unknown = post(&site, &json!({"oneShot": "close", "device": "t-1"}));
    assert_eq!(unknown.name.as_deref(), Some("DeviceNotFound"));
    assert_eq!(site.get(OWNER, PATH).json, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_starts_clears_and_triggers_faults() {
    let service = Service::start();
    let shown = |arguments: &[&str]| -> Vec<Value> {
        let text = service.shown(&[&["fault", "--json"], arguments].concat());
        let document: Value = serde_json::from_str(&text).unwrap();
        let faults = document["faults"].as_array().unwrap().iter();
        faults
            .map(|fault| match fault["settings"].as_object() {
                Some(settings) if settings.is_empty() => fault["name"].clone(),
                _ => json!({fault["name"].as_str().unwrap(): fault["settings"]}),
            })
            .collect()
    };
    assert!(shown(&[]).is_empty());
    assert_eq!(shown(&["refuse", "on"]), [json!("refuse")]);
    assert!(shown(&["refuse", "off"]).is_empty());
    assert_eq!(shown(&["withhold-acks"]), [json!("withhold-acks")]);
    let connack = json!({"connack": {"code": 3, "dps": false}});
    assert_eq!(
        shown(&["connack", "--code", "3", "--duration", "1h"]),
        [json!("withhold-acks"), connack]
    );
    for one_shot in ["reset", "forget-sessions"] {
        assert_eq!(shown(&[one_shot]).len(), 2);
    }
    assert_eq!(shown(&["connack", "off"]), [json!("withhold-acks")]);
    assert!(shown(&["clear"]).is_empty());
    assert_eq!(
        shown(&["slow", "--latency", "200ms", "--device", "t-1"]).len(),
        1
    );

    let text = service.shown(&["fault"]);
    let row = "slow  device t-1  since ";
    assert!(
        text.starts_with(row) && text.ends_with("latency=200ms\n"),
        "{text}"
    );

    service.shown(&["enroll", "t-2"]);
    let events = service.shown(&["events"]);
    assert!(events.contains("fault-started"), "{events}");
    assert!(events.contains("fault-triggered reset"), "{events}");
    let of_one = service.shown(&["events", "--device", "t-2"]);
    assert!(of_one.contains("fault-triggered reset"), "{of_one}");
    assert!(!of_one.contains("latency"), "{of_one}");
    let refused = service.operate(&["fault", "connack", "--code", "9"]);
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("must be 1 to 5"));
    let unknown = service.operate(&["fault", "slow", "--latency", "soon"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("200ms, 10s or 1m"));
}
