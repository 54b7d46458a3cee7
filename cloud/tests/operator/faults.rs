use serde_json::{Value, json};

use crate::process::{Service, code, stderr};
use crate::site::{Answer, OWNER, Site};

const PATH: &str = "/api/faults";

fn order(site: &Site, order: &Value) -> Answer {
    site.call(OWNER, "POST", PATH, order)
}

/// What is on, without times.
fn faults(json: &Value) -> Vec<Value> {
    let standing = json.as_array().unwrap().iter();
    standing.map(|one| one["fault"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_stay_until_they_are_ended() {
    let site = Site::start().await;
    assert_eq!(site.get(OWNER, PATH).json, json!([]));
    let refused = order(&site, &json!({"fault": "refuse"})).json;
    assert_eq!(faults(&refused), [json!("refuse")]);
    let slow = json!({"slow": {"latency": "1.5s"}});
    let both = order(&site, &json!({"fault": slow, "device": "t-1", "for": "1h"})).json;
    assert_eq!(
        faults(&both),
        [json!("refuse"), json!({"slow": {"latency": "1s 500ms"}})]
    );
    assert_eq!(both[1]["device"], "t-1");
    assert!(both[1]["until"].as_str() > both[1]["since"].as_str());
    assert_eq!(site.get(OWNER, PATH).json, both);
    let struck = order(&site, &json!({"stroke": "reset"})).json;
    assert_eq!(struck, both);
    let slow = order(&site, &json!({"fault": "refuse", "on": false})).json;
    assert_eq!(slow, json!([both[1]]));
    assert_eq!(site.delete(OWNER, PATH).json, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_makes_no_sense_is_refused_with_the_reason() {
    let site = Site::start().await;
    for (wrong, said) in [
        (json!({"fault": "lightning"}), "unknown variant `lightning`"),
        (
            json!({"fault": {"slow": {"speed": 1}}}),
            "unknown field `speed`",
        ),
        (json!({"refuse": true}), "unknown field `refuse`"),
        (json!({"fault": {"connack": {"code": 9}}}), "is 1 to 5"),
        (
            json!({"fault": "refuse", "device": "t-1"}),
            "cannot be for one device",
        ),
        (
            json!({"fault": "refuse", "stroke": "reset"}),
            "one of fault and stroke",
        ),
        (
            json!({"stroke": "reset", "for": "1s"}),
            "one of fault and stroke",
        ),
        (json!({"fault": "refuse", "for": "-1s"}), "negative"),
        (json!({}), "one of fault and stroke"),
    ] {
        let answer = order(&site, &wrong);
        assert_eq!(answer.status, 400, "{wrong}");
        let text = answer.json.to_string();
        assert!(text.contains(said), "{text}");
    }
    let unknown = order(&site, &json!({"stroke": "close", "device": "t-1"}));
    assert_eq!(unknown.name.as_deref(), Some("DeviceNotFound"));
    assert_eq!(site.get(OWNER, PATH).json, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_turns_faults_and_strikes() {
    let service = Service::start();
    let shown = |arguments: &[&str]| -> Vec<Value> {
        let text = service.shown(&[&["fault"], arguments].concat());
        faults(&serde_json::from_str(&text).unwrap())
    };
    assert!(shown(&[]).is_empty());
    assert_eq!(shown(&["refuse", "on"]), [json!("refuse")]);
    assert!(shown(&["refuse", "off"]).is_empty());
    assert_eq!(shown(&["withhold-acks"]), [json!("withhold-acks")]);
    let connack = json!({"connack": {"code": 3, "dps": false}});
    assert_eq!(
        shown(&["connack", "--code", "3", "--for", "1h"]),
        [json!("withhold-acks"), connack]
    );
    for stroke in ["reset", "forget-sessions"] {
        assert_eq!(shown(&[stroke]).len(), 2);
    }
    assert_eq!(shown(&["connack", "off"]), [json!("withhold-acks")]);
    assert!(shown(&["clear"]).is_empty());
    assert_eq!(
        shown(&["slow", "--latency", "200ms", "--device", "t-1"]).len(),
        1
    );

    let events = service.shown(&["events"]);
    assert!(events.contains("fault-began"), "{events}");
    assert!(events.contains("fault-struck reset"), "{events}");
    let of_one = service.shown(&["events", "--device", "t-2"]);
    assert!(of_one.contains("fault-struck reset"), "{of_one}");
    assert!(!of_one.contains("latency"), "{of_one}");
    let refused = service.operate(&["fault", "connack", "--code", "9"]);
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("is 1 to 5"));
    let unknown = service.operate(&["fault", "slow", "--latency", "soon"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("200ms, 10s or 1m"));
}
