use std::sync::Mutex;

use bytes::Bytes;
use futures::future::{BoxFuture, join, pending};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{dps::tests::registration, *};
use crate::mqtt::{
    ConnectError, Receipt,
    scripted::{ClientPacket, ScriptedConnection, ScriptedServer, pair},
};

/// A clock on which a pause is over at once, except the wait for an answer, which never is.
#[derive(Default)]
struct Leaping(Mutex<Duration>);

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        let mut now = self.0.lock().unwrap();
        if deadline - *now >= Exchange::RESPONSE_TIMEOUT {
            return Box::pin(pending());
        }
        *now = deadline;
        Box::pin(async {})
    }
}

/// Registers while `play` plays the server; returns the result and the time that has passed.
async fn registering<P: Future<Output = ()>>(
    play: impl FnOnce(ScriptedServer) -> P,
) -> (Result<Assignment, ProvisionError>, Duration) {
    let (mut transport, server) = pair();
    let clock = Leaping::default();
    let registration = registration();
    let (result, ()) = join(
        register(
            &mut transport,
            &clock,
            &registration,
            "dtmi:com:example:Thermostat;1",
        ),
        play(server),
    )
    .await;
    (result, clock.monotonic())
}

async fn subscribed(server: &mut ScriptedServer) -> ScriptedConnection {
    let mut connection = server.next().await.unwrap().accept();
    let topics = vec!["$dps/registrations/res/#".to_owned()];
    assert_eq!(
        connection.next().await,
        Some(ClientPacket::Subscribe(topics))
    );
    connection.send(Incoming::Subscribed { refused: vec![] });
    connection
}

/// Takes the next question and answers it; returns its topic.
async fn answer(connection: &mut ScriptedConnection, head: &str, body: &Value) -> String {
    let Some(ClientPacket::Publish {
        topic, delivery, ..
    }) = connection.next().await
    else {
        panic!("a question was expected");
    };
    let Delivery::AtLeastOnce(number) = delivery else {
        panic!("QoS 1 was expected");
    };
    connection.send(Incoming::Acknowledged(number));
    let request = topic.split(['=', '&']).nth(1).unwrap();
    connection.send(Incoming::Message {
        topic: format!("$dps/registrations/res/{}", head.replace("RID", request)),
        payload: Bytes::from(body.to_string()),
        receipt: Some(Receipt(7)),
    });
    assert_eq!(
        connection.next().await,
        Some(ClientPacket::Acknowledge(Receipt(7)))
    );
    topic
}

#[tokio::test]
async fn a_device_registers_polls_and_disconnects() {
    let (result, passed) = registering(async |mut server| {
        let mut connection = subscribed(&mut server).await;
        let assigning = json!({"operationId": "op", "status": "assigning"});
        let asked = answer(&mut connection, "202/?$rid=RID&retry-after=3", &assigning).await;
        assert!(asked.starts_with("$dps/registrations/PUT/iotdps-register/?$rid="));
        let state = json!({"assignedHub": "hub.test", "deviceId": "device-1"});
        let assigned =
            json!({"operationId": "op", "status": "assigned", "registrationState": state});
        let polled = answer(&mut connection, "200/?$rid=RID", &assigned).await;
        assert!(polled.ends_with("&operationId=op"));
        assert_eq!(connection.next().await, Some(ClientPacket::Disconnect));
        assert_eq!(connection.next().await, None);
    })
    .await;
    let assignment = result.unwrap();
    assert_eq!(
        (&*assignment.hub, &*assignment.device_id),
        ("hub.test", "device-1")
    );
    assert_eq!(passed, Duration::from_secs(3));
}

#[tokio::test]
async fn a_refused_device_disconnects_and_is_told_why() {
    let (result, _) = registering(async |mut server| {
        let mut connection = subscribed(&mut server).await;
        let body = json!({"errorCode": 404_201, "message": "no such scope"});
        answer(&mut connection, "404/?$rid=RID", &body).await;
        assert_eq!(connection.next().await, Some(ClientPacket::Disconnect));
    })
    .await;
    let refusal = result.unwrap_err();
    assert!(matches!(refusal, ProvisionError::Rejected(_)));
    assert!(refusal.to_string().contains("no such scope"), "{refusal}");
}

#[tokio::test]
async fn a_link_lost_while_registering_is_tried_again() {
    let (result, _) = registering(async |mut server| {
        drop(subscribed(&mut server).await);
    })
    .await;
    let lost = result.unwrap_err();
    assert!(matches!(lost, ProvisionError::Retry { after: None, .. }));
    assert_eq!(
        lost.to_string(),
        "dps.test:8883: the server closed the connection while registering"
    );
}

#[tokio::test]
async fn a_refused_topic_is_named() {
    let (result, _) = registering(async |mut server| {
        let mut connection = server.next().await.unwrap().accept();
        connection.next().await;
        let refused = vec!["$dps/registrations/res/#".to_owned()];
        connection.send(Incoming::Subscribed { refused });
        while connection.next().await.is_some() {}
    })
    .await;
    let why = result.unwrap_err().to_string();
    assert!(
        why.contains("refused the topic $dps/registrations/res/#"),
        "{why}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let (result, _) = registering(async |mut server| {
        let error = ConnectError::Unreachable("nothing listens".to_owned());
        server.next().await.unwrap().refuse(error);
    })
    .await;
    assert!(matches!(
        result,
        Err(ProvisionError::Retry { after: None, .. })
    ));
}
