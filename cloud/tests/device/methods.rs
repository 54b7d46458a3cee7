use std::time::Duration;

use cloud::{
    events::MethodReply,
    hub::{self, MethodCall},
    json::JsonText,
    mqtt::{Publish, Qos},
};
use serde_json::{Value, json};

use crate::support::{Client, METHODS, TestCloud};

const NO_TIME: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

fn call(name: &str, payload: Option<Value>) -> MethodCall {
    MethodCall {
        name: name.into(),
        payload: payload.as_ref().map(JsonText::of),
        response_timeout: LONG,
        connect_timeout: NO_TIME,
    }
}

fn rid(publish: &Publish) -> String {
    publish.topic.split_once("$rid=").unwrap().1.to_owned()
}

async fn answer(client: &mut Client, status: i64, rid: &str, body: String) {
    let topic = format!("$iothub/methods/res/{status}/?$rid={rid}");
    client.publish(&topic, body).await;
}

async fn listening(cloud: &TestCloud) -> Client {
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(METHODS).await;
    client
}

#[tokio::test]
async fn a_call_reaches_the_device_at_qos_0_and_its_answer_the_caller() {
    let cloud = TestCloud::start().await;
    let mut client = listening(&cloud).await;
    let device = async {
        let request = client.receive_publish().await;
        assert!(
            request
                .topic
                .starts_with("$iothub/methods/POST/reboot/?$rid=")
        );
        assert_eq!(
            (request.qos, request.payload.as_ref()),
            (Qos::AtMostOnce, &b"{\"delay\":5}"[..])
        );
        answer(&mut client, 200, &rid(&request), r#"{"ok":true}"#.into()).await;
    };
    let payload = Some(json!({"delay": 5}));
    let (reply, ()) = tokio::join!(
        cloud.hub().call_method("t-1", call("reboot", payload)),
        device
    );
    let expected = MethodReply {
        status: 200,
        payload: Some(JsonText::of(&json!({"ok": true}))),
    };
    assert_eq!(reply, Ok(expected));
}

#[tokio::test]
async fn no_payload_and_null_are_an_empty_body() {
    let cloud = TestCloud::start().await;
    let mut client = listening(&cloud).await;
    for payload in [None, Some(Value::Null)] {
        let device = async {
            let request = client.receive_publish().await;
            assert!(request.payload.is_empty());
            answer(&mut client, 404, &rid(&request), String::new()).await;
        };
        let (reply, ()) = tokio::join!(cloud.hub().call_method("t-1", call("x", payload)), device);
        let expected = MethodReply {
            status: 404,
            payload: None,
        };
        assert_eq!(reply, Ok(expected));
    }
}

#[tokio::test]
async fn twenty_calls_at_once_get_each_its_own_answer() {
    let cloud = TestCloud::start().await;
    let mut client = listening(&cloud).await;
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let hub = cloud.hub().clone();
        callers.spawn(async move {
            let reply = hub.call_method("t-1", call("echo", Some(json!(n)))).await;
            (n, reply.unwrap())
        });
    }
    let mut requests = Vec::new();
    for _ in 0..20 {
        requests.push(client.receive_publish().await);
    }
    for request in requests.iter().rev() {
        let body = String::from_utf8(request.payload.to_vec()).unwrap();
        answer(&mut client, 200, &rid(request), body).await;
    }
    for (n, reply) in callers.join_all().await {
        assert_eq!(reply.payload, Some(JsonText::of(&n)));
    }
}

#[tokio::test]
async fn a_device_that_does_not_listen_in_time_is_not_online() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let offline = hub::Error::DeviceNotOnline { waited: NO_TIME };
    let nobody = cloud.hub().call_method("t-1", call("x", None)).await;
    assert_eq!(nobody, Err(offline.clone()));
    let _deaf = cloud.connect("t-1").await;
    let deaf = cloud.hub().call_method("t-1", call("x", None)).await;
    assert_eq!(deaf, Err(offline));
    let unknown = cloud.hub().call_method("t-2", call("x", None)).await;
    assert_eq!(unknown, Err(hub::Error::DeviceNotFound("t-2".into())));
}

#[tokio::test]
async fn a_call_waits_for_the_device_as_long_as_its_connect_timeout() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let patient = MethodCall {
        connect_timeout: LONG,
        ..call("x", None)
    };
    let device = async {
        let mut client = cloud.connect("t-1").await;
        client.subscribe(METHODS).await;
        let request = client.receive_publish().await;
        answer(&mut client, 200, &rid(&request), "1".into()).await;
        client.is_quiet().await;
    };
    let (reply, ()) = tokio::join!(cloud.hub().call_method("t-1", patient), device);
    assert_eq!(reply.unwrap().payload, Some(JsonText::of(&1)));
}

#[tokio::test]
async fn no_answer_in_time_is_a_gateway_timeout_and_a_late_one_is_nothing() {
    let cloud = TestCloud::start().await;
    let mut client = listening(&cloud).await;
    let hasty = MethodCall {
        response_timeout: Duration::from_millis(50),
        ..call("x", None)
    };
    let reply = cloud.hub().call_method("t-1", hasty).await;
    assert_eq!(reply, Err(hub::Error::GatewayTimeout));
    let request = client.receive_publish().await;
    answer(&mut client, 200, &rid(&request), "1".into()).await;
    client.is_quiet().await;
}

#[tokio::test]
async fn a_device_that_drops_during_the_call_is_told_from_one_that_is_slow() {
    let cloud = TestCloud::start().await;
    let mut client = listening(&cloud).await;
    let device = async {
        client.receive_publish().await;
        drop(client);
    };
    let (reply, ()) = tokio::join!(cloud.hub().call_method("t-1", call("x", None)), device);
    assert_eq!(reply, Err(hub::Error::DeviceConnectionClosedRemotely));
}

#[tokio::test]
async fn payloads_of_128_kib_pass_and_larger_ones_do_not() {
    let cloud = TestCloud::start().await;
    let mut client = listening(&cloud).await;
    let large = json!("x".repeat(128 * 1024 - 2));
    let device = async {
        let request = client.receive_publish().await;
        let body = String::from_utf8(request.payload.to_vec()).unwrap();
        answer(&mut client, 200, &rid(&request), body).await;
    };
    let request = call("echo", Some(large.clone()));
    let (reply, ()) = tokio::join!(cloud.hub().call_method("t-1", request), device);
    assert_eq!(reply.unwrap().payload, Some(JsonText::of(&large)));
    let too_large = call("echo", Some(json!("x".repeat(128 * 1024 - 1))));
    let refused = cloud.hub().call_method("t-1", too_large).await.unwrap_err();
    assert_eq!(refused.status(), 413);
}

#[tokio::test]
async fn a_name_that_cannot_stand_in_a_topic_is_refused() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    for name in ["", "a/b", "a#", "a+", "a?b", "a\n"] {
        let refused = cloud.hub().call_method("t-1", call(name, None)).await;
        assert!(
            matches!(refused, Err(hub::Error::ArgumentInvalid(_))),
            "{name:?}"
        );
    }
}
