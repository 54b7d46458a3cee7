//! Each fault, as a device sees it.

mod acknowledgments;
mod connections;
mod links;
mod messages;
mod provisioning;
mod twins;

use std::time::Duration;

use cloud::{
    events::{EventKind, FaultPhase},
    faults::{Fault, OneShotFault},
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::TestCloud;

/// What the events say of faults.
async fn told(cloud: &TestCloud) -> Vec<(FaultPhase, String, serde_json::Value)> {
    let events = cloud.events().await;
    let faults = events.iter().filter_map(|event| match &event.kind {
        EventKind::Fault { phase, fault } => Some((*phase, event.device_id.clone(), fault.clone())),
        _ => None,
    });
    faults.collect()
}

#[tokio::test]
async fn events_tell_when_a_fault_starts_ends_and_is_triggered() {
    let cloud = TestCloud::start().await;
    cloud.start_fault_for("t-1", Fault::Silent);
    cloud.hub().clear_fault(&Fault::Silent, Some("t-2"));
    assert_eq!(cloud.hub().faults().active().len(), 1);
    cloud.hub().clear_fault(&Fault::Silent, Some("t-1"));
    cloud.trigger(OneShotFault::Reset);
    let expected = [
        (FaultPhase::Started, "t-1".to_owned(), json!("silent")),
        (FaultPhase::Ended, "t-1".to_owned(), json!("silent")),
        (FaultPhase::Triggered, String::new(), json!("reset")),
    ];
    assert_eq!(told(&cloud).await, expected);
}

#[tokio::test]
async fn faults_end_with_the_cloud() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("cloud.db");
    let first = TestCloud::start_at(&file).await;
    first.start_fault_for("t-1", Fault::Silent);
    first.cloud.stop().await;
    let second = TestCloud::start_at(&file).await;
    let phases: Vec<_> = told(&second).await.into_iter().map(|it| it.0).collect();
    assert_eq!(phases, [FaultPhase::Started, FaultPhase::Ended]);
}

#[tokio::test]
async fn a_fault_that_is_begun_again_is_changed() {
    let cloud = TestCloud::start().await;
    for code in [3, 4] {
        cloud.start_fault(Fault::Connack {
            code: Some(code),
            dps: false,
        });
    }
    let active = cloud.hub().faults().active();
    let shown = json!(active[0].fault);
    assert_eq!(
        (active.len(), shown),
        (1, json!({"connack": {"code": 4, "dps": false}}))
    );
    cloud.hub().clear_faults();
    assert!(cloud.hub().faults().active().is_empty());
    assert_eq!(told(&cloud).await.len(), 4);
}

#[tokio::test]
async fn a_fault_with_a_time_ends_by_itself_and_not_one_that_took_its_place() {
    let cloud = TestCloud::start().await;
    let mut events = cloud.hub().store().subscribe();
    let begin = |fault, millis: Option<u64>| {
        let duration = millis.map(Duration::from_millis);
        cloud.hub().start_fault(fault, None, duration).unwrap();
    };
    begin(Fault::Silent, Some(10));
    begin(Fault::Silent, None);
    begin(Fault::Refuse, Some(50));
    assert!(cloud.hub().faults().active()[1].until.is_some());
    loop {
        let event = events.recv().await.unwrap();
        let EventKind::Fault { phase, fault } = &event.kind else {
            panic!("not a fault: {event:?}");
        };
        if (*phase, fault) == (FaultPhase::Ended, &json!("refuse")) {
            break;
        }
    }
    let active = cloud.hub().faults().active();
    assert_eq!((active.len(), &active[0].fault), (1, &Fault::Silent));
    assert_eq!(active[0].until, None);
}

#[tokio::test]
async fn a_one_shot_fault_for_a_device_that_is_not_there_is_refused() {
    let cloud = TestCloud::start().await;
    let error = cloud.hub().trigger_fault(OneShotFault::Close, Some("t-1"));
    assert_eq!(error.unwrap_err().code(), 404_001);
}
