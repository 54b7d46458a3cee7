use cloud::{
    dps::{Attestation, EnrollmentKind, EnrollmentSpec},
    identity::Status,
    mqtt::{Connect, ConnectReturn, Packet},
    sas,
};
use serde_json::{Value, json};

use crate::support::{Client, SCOPE, TestCloud, hour, token};

pub(crate) const RESULTS: &str = "$dps/registrations/res/#";
pub(crate) const REGISTER: &str = "$dps/registrations/PUT/iotdps-register/?$rid=r1";
pub(crate) const STATUS: &str =
    "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=r2&operationId=";

pub(crate) fn enroll(
    cloud: &TestCloud,
    kind: EnrollmentKind,
    id: &str,
    spec: EnrollmentSpec,
) -> String {
    let enrollment = cloud
        .cloud
        .dps()
        .put_enrollment(kind, id, spec, existing(cloud, kind, id));
    enrollment.unwrap().keys.primary_key
}

/// The etag that changes an enrollment, if there is one.
fn existing(cloud: &TestCloud, kind: EnrollmentKind, id: &str) -> Option<&'static str> {
    cloud.cloud.dps().enrollment(kind, id).ok().map(|_| "*")
}

pub(crate) fn registering(id: &str, key: &str) -> Connect {
    let resource = format!("{SCOPE}/registrations/{id}");
    Connect {
        client_id: id.into(),
        clean_session: true,
        keep_alive: 60,
        will: None,
        username: Some(format!(
            "{resource}/api-version=2019-03-31&ClientVersion=test"
        )),
        password: Some(token(&resource, key, hour())),
    }
}

/// Registers, and returns what the operation came to.
pub(crate) async fn register(client: &mut Client, body: Value) -> Value {
    client.subscribe(RESULTS).await;
    client.deliver(REGISTER, body.to_string()).await;
    let (topic, answer) = client.receive_json().await;
    assert_eq!(topic, "$dps/registrations/res/202/?$rid=r1&retry-after=0");
    assert_eq!(answer["status"], "assigning");
    let operation = answer["operationId"].as_str().unwrap();
    client.deliver(&format!("{STATUS}{operation}"), "").await;
    let (topic, answer) = client.receive_json().await;
    assert_eq!(topic, "$dps/registrations/res/200/?$rid=r2");
    assert_eq!(answer["operationId"], operation);
    answer
}

#[tokio::test]
async fn a_device_of_a_group_is_assigned_and_then_connects_with_its_derived_key() {
    let cloud = TestCloud::start().await;
    let spec = EnrollmentSpec {
        initial_twin: Some(
            json!({"tags": {"floor": 3}, "properties": {"desired": {"a": 1}}}).into(),
        ),
        ..EnrollmentSpec::default()
    };
    let group_key = enroll(&cloud, EnrollmentKind::Group, "default", spec);
    let key = sas::derive_key(&group_key, "t-1").unwrap();
    let (mut client, present) = cloud.connect_with(registering("t-1", &key)).await;
    assert!(!present);
    let payload = json!({"modelId": "dtmi:com:example:Thermostat;1"});
    let answer = register(
        &mut client,
        json!({"registrationId": "t-1", "payload": payload}),
    )
    .await;
    let state = &answer["registrationState"];
    assert_eq!(answer["status"], "assigned");
    assert_eq!(state["assignedHub"], cloud.host());
    assert_eq!(state["deviceId"], "t-1");
    assert_eq!(state["registrationId"], "t-1");
    assert_eq!(state["substatus"], "initialAssignment");

    let registration = cloud.cloud.dps().registration("t-1").unwrap();
    assert_eq!(registration.payload, Some(payload));
    assert_eq!(cloud.hub().device("t-1").unwrap().keys.primary_key, key);
    let twin = cloud.hub().twin("t-1").unwrap().twin;
    assert_eq!(
        (&twin.tags()["floor"], &twin.desired()["a"]),
        (&3.into(), &1.into())
    );
    cloud.connect("t-1").await;
}

#[tokio::test]
async fn a_device_whose_first_twin_is_refused_is_not_made_however_often_it_registers() {
    let cloud = TestCloud::start().await;
    let spec = EnrollmentSpec {
        initial_twin: Some(json!({"tags": {"no key": 1}}).into()),
        ..EnrollmentSpec::default()
    };
    let key = enroll(&cloud, EnrollmentKind::Individual, "t-1", spec);
    for _ in 0..2 {
        let mut client = cloud.connect_with(registering("t-1", &key)).await.0;
        let answer = register(&mut client, json!({"registrationId": "t-1"})).await;
        assert_eq!(answer["status"], "failed");
        assert!(cloud.hub().devices().is_empty());
    }
}

#[tokio::test]
async fn an_individual_enrollment_may_name_the_device_otherwise() {
    let cloud = TestCloud::start().await;
    let spec = EnrollmentSpec {
        device_id: Some("cellar".into()),
        ..EnrollmentSpec::default()
    };
    let key = enroll(&cloud, EnrollmentKind::Individual, "t-1", spec);
    let mut client = cloud.connect_with(registering("t-1", &key)).await.0;
    let answer = register(&mut client, json!({"registrationId": "t-1"})).await;
    assert_eq!(answer["registrationState"]["deviceId"], "cellar");
    cloud.connect("cellar").await;
}

#[tokio::test]
async fn registering_again_keeps_the_device_and_its_twin() {
    let cloud = TestCloud::start().await;
    let spec = EnrollmentSpec::default();
    let key = enroll(&cloud, EnrollmentKind::Individual, "t-1", spec);
    for _ in 0..2 {
        let mut client = cloud.connect_with(registering("t-1", &key)).await.0;
        register(&mut client, json!({"registrationId": "t-1"})).await;
    }
    assert_eq!(cloud.hub().devices().len(), 1);
    assert_eq!(cloud.hub().twin("t-1").unwrap().twin.version(), 1);
}

#[tokio::test]
async fn a_disabled_enrollment_says_so() {
    let cloud = TestCloud::start().await;
    let spec = EnrollmentSpec {
        provisioning_status: Status::Disabled,
        ..EnrollmentSpec::default()
    };
    let key = enroll(&cloud, EnrollmentKind::Individual, "t-1", spec);
    let mut client = cloud.connect_with(registering("t-1", &key)).await.0;
    let answer = register(&mut client, json!({"registrationId": "t-1"})).await;
    assert_eq!(answer["status"], "disabled");
    assert!(cloud.hub().device("t-1").is_err());
}

#[tokio::test]
async fn whoever_is_not_enrolled_is_refused() {
    let cloud = TestCloud::start().await;
    let group_key = enroll(
        &cloud,
        EnrollmentKind::Group,
        "g",
        EnrollmentSpec::default(),
    );
    let own_key = enroll(
        &cloud,
        EnrollmentKind::Individual,
        "t-1",
        EnrollmentSpec::default(),
    );
    let derived = sas::derive_key(&group_key, "t-2").unwrap();
    let foreign_scope = Connect {
        username: Some("0neFFFFFFFF/registrations/t-1/api-version=2019-03-31".into()),
        ..registering("t-1", &own_key)
    };
    let group_key_of_an_individual = sas::derive_key(&group_key, "t-1").unwrap();
    for connect in [
        foreign_scope,
        registering("t-1", &sas::random_key()),
        registering("t-1", &group_key_of_an_individual),
        registering("t-2", &group_key),
        registering("t-3", &derived),
    ] {
        let refusal = cloud.refusal(connect).await;
        assert_eq!(refusal, ConnectReturn::NotAuthorized);
    }
    cloud.connect_with(registering("t-2", &derived)).await;
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_answered_with_its_error() {
    let cloud = TestCloud::start().await;
    let spec = EnrollmentSpec::default();
    let key = enroll(&cloud, EnrollmentKind::Individual, "t-1", spec);
    let mut client = cloud.connect_with(registering("t-1", &key)).await.0;
    client.subscribe(RESULTS).await;
    for body in ["", "nonsense", r#"{"registrationId": "t-2"}"#] {
        client.deliver(REGISTER, body).await;
        let (topic, answer) = client.receive_json().await;
        assert_eq!(topic, "$dps/registrations/res/400/?$rid=r1", "{body}");
        assert_eq!(answer["errorCode"], 400_004);
    }
    client.deliver(&format!("{STATUS}unknown"), "").await;
    let (topic, answer) = client.receive_json().await;
    assert_eq!(topic, "$dps/registrations/res/404/?$rid=r2");
    assert_eq!(answer["errorCode"], 404_202);

    let dps = cloud.cloud.dps();
    dps.delete_enrollment(EnrollmentKind::Individual, "t-1", None)
        .unwrap();
    client
        .deliver(REGISTER, r#"{"registrationId": "t-1"}"#)
        .await;
    let (topic, answer) = client.receive_json().await;
    assert_eq!(topic, "$dps/registrations/res/401/?$rid=r1");
    assert_eq!(answer["errorCode"], 401_002);

    client.publish("$dps/registrations/POST/?$rid=1", "").await;
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn new_keys_of_an_enrollment_reach_the_hub_with_the_next_registration() {
    let cloud = TestCloud::start().await;
    let old = enroll(
        &cloud,
        EnrollmentKind::Individual,
        "t-1",
        EnrollmentSpec::default(),
    );
    let mut client = cloud.connect_with(registering("t-1", &old)).await.0;
    register(&mut client, json!({"registrationId": "t-1"})).await;

    let mut keys = cloud.hub().device("t-1").unwrap().keys;
    keys.primary_key = sas::random_key();
    let spec = EnrollmentSpec {
        attestation: Attestation::keys(keys.clone()),
        ..EnrollmentSpec::default()
    };
    enroll(&cloud, EnrollmentKind::Individual, "t-1", spec);
    let mut client = cloud
        .connect_with(registering("t-1", &keys.primary_key))
        .await
        .0;
    register(&mut client, json!({"registrationId": "t-1"})).await;
    assert_eq!(cloud.hub().device("t-1").unwrap().keys, keys);
    client.send(Packet::Disconnect).await;
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn a_registration_id_is_the_same_in_any_case() {
    let cloud = TestCloud::start().await;
    let key = enroll(
        &cloud,
        EnrollmentKind::Individual,
        "Sensor-AB12",
        EnrollmentSpec::default(),
    );
    for id in ["Sensor-AB12", "sensor-ab12", "SENSOR-AB12"] {
        let (mut client, _) = cloud.connect_with(registering(id, &key)).await;
        let answer = register(&mut client, json!({"registrationId": id})).await;
        let state = &answer["registrationState"];
        assert_eq!(state["registrationId"], "Sensor-AB12", "{id}");
        assert_eq!(state["deviceId"], "Sensor-AB12", "{id}");
    }
    assert_eq!(cloud.hub().devices().len(), 1);
    let dps = cloud.cloud.dps();
    assert_eq!(dps.registrations().len(), 1);
    dps.enrollment(EnrollmentKind::Individual, "SENSOR-ab12")
        .unwrap();
    dps.delete_registration("sensor-AB12", None).unwrap();
}

#[tokio::test]
async fn a_device_of_a_group_stays_one_device_however_it_spells_its_id() {
    let cloud = TestCloud::start().await;
    let group = enroll(
        &cloud,
        EnrollmentKind::Group,
        "Meters",
        EnrollmentSpec::default(),
    );
    // The key may be derived from the id as it is spelled, or from its lower case.
    for (id, derived_from) in [
        ("MAC-AA:BB", "MAC-AA:BB"),
        ("MAC-AA:BB", "mac-aa:bb"),
        ("mac-aa:bb", "mac-aa:bb"),
    ] {
        let key = sas::derive_key(&group, derived_from).unwrap();
        let (mut client, _) = cloud.connect_with(registering(id, &key)).await;
        let answer = register(&mut client, json!({"registrationId": id})).await;
        let device_id = answer["registrationState"]["deviceId"].clone();
        assert_eq!(device_id, "MAC-AA:BB", "as at the first registration");
        let device = cloud.hub().device("MAC-AA:BB").unwrap();
        assert_eq!(device.keys.primary_key, key);
    }
    assert_eq!(cloud.hub().devices().len(), 1);
}
