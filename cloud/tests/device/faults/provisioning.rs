//! Faults of provisioning.

use cloud::{
    dps::{EnrollmentKind, EnrollmentSpec},
    faults::Fault,
    mqtt::{ConnectReturn, Packet},
};
use serde_json::json;

use crate::{
    provisioning::{REGISTER, RESULTS, STATUS, enroll, register, registering},
    support::{Client, TestCloud},
};

fn enrolled(cloud: &TestCloud) -> String {
    let spec = EnrollmentSpec::default();
    enroll(cloud, EnrollmentKind::Individual, "t-1", spec)
}

async fn connected(cloud: &TestCloud, key: &str) -> Client {
    cloud.connect_with(registering("t-1", key)).await.0
}

#[tokio::test]
async fn the_provisioning_service_can_refuse_where_the_hub_does_not() {
    let cloud = TestCloud::start().await;
    let key = enrolled(&cloud);
    cloud.start_fault(Fault::Connack {
        code: Some(5),
        dps: false,
    });
    connected(&cloud, &key).await;
    cloud.create("t-1");
    cloud.start_fault(Fault::Connack {
        code: Some(3),
        dps: true,
    });
    let refusal = cloud.refusal(registering("t-1", &key)).await;
    assert_eq!(refusal, ConnectReturn::ServerUnavailable);
    cloud.connect("t-1").await;
}

#[tokio::test]
async fn a_throttled_registration_is_told_when_to_come_again() {
    let cloud = TestCloud::start().await;
    let key = enrolled(&cloud);
    let mut client = connected(&cloud, &key).await;
    client.subscribe(RESULTS).await;
    for (retry_after, seconds) in [(None, 3), (Some(7), 7)] {
        cloud.start_fault_for("t-1", Fault::ThrottleDps { retry_after });
        for (request, rid) in [(REGISTER, "r1"), (&format!("{STATUS}1"), "r2")] {
            client
                .deliver(request, r#"{"registrationId": "t-1"}"#)
                .await;
            let (topic, body) = client.receive_json().await;
            let expected = format!("$dps/registrations/res/429/?$rid={rid}&retry-after={seconds}");
            assert_eq!(topic, expected);
            assert_eq!(body["errorCode"], 429_001);
        }
    }
    assert!(cloud.hub().device("t-1").is_err());
}

#[tokio::test]
async fn a_registration_can_be_kept_waiting_and_then_be_assigned() {
    let cloud = TestCloud::start().await;
    let key = enrolled(&cloud);
    let mut client = connected(&cloud, &key).await;
    client.subscribe(RESULTS).await;
    cloud.start_fault(Fault::KeepAssigning);
    client
        .deliver(REGISTER, r#"{"registrationId": "t-1"}"#)
        .await;
    let (_, answer) = client.receive_json().await;
    let status = format!("{STATUS}{}", answer["operationId"].as_str().unwrap());
    for _ in 0..3 {
        client.deliver(&status, "").await;
        let (topic, answer) = client.receive_json().await;
        assert_eq!(topic, "$dps/registrations/res/202/?$rid=r2&retry-after=0");
        assert_eq!(answer["status"], "assigning");
    }
    cloud.clear_fault(&Fault::KeepAssigning);
    client.deliver(&status, "").await;
    assert_eq!(client.receive_json().await.1["status"], "assigned");
}

#[tokio::test]
async fn a_device_can_be_assigned_to_another_hub() {
    let cloud = TestCloud::start().await;
    let key = enrolled(&cloud);
    let port = cloud.cloud.mqtt_addr().port();
    let elsewhere = "hub.localhost:1883".to_owned();
    for (hub, assigned) in [
        (None, format!("127.0.0.1:{port}")),
        (Some(elsewhere.clone()), elsewhere),
    ] {
        cloud.start_fault(Fault::Reassign { hub });
        let mut client = connected(&cloud, &key).await;
        let answer = register(&mut client, json!({"registrationId": "t-1"})).await;
        assert_eq!(answer["registrationState"]["assignedHub"], assigned);
        client.send(Packet::Disconnect).await;
    }
}
