use std::time::Duration;

use cloud::{
    events::EventKind,
    hub::DeviceSpec,
    identity::Status,
    json::JsonValue,
    mqtt::{Connect, ConnectReturn, Packet, Password, Publish, Qos, Will},
    sas,
    tls::TlsVersions,
};
use jiff::Timestamp;
use rustls::ProtocolVersion;

use crate::support::{METHODS, TWIN_RESULTS, TestCloud, device_bound, hour, token};

const REFUSED: ConnectReturn = ConnectReturn::NotAuthorized;

#[tokio::test]
async fn a_device_is_let_in_over_either_version_of_tls() {
    for (versions, expected) in [
        (TlsVersions::Only12, ProtocolVersion::TLSv1_2),
        (TlsVersions::Only13, ProtocolVersion::TLSv1_3),
    ] {
        let cloud = TestCloud::start_with(versions).await;
        cloud.create("t-1");
        let client = cloud.connect("t-1").await;
        assert_eq!(client.tls_version(), Some(expected));
    }
}

#[tokio::test]
async fn a_connected_device_shows_in_registry_and_twin_with_its_model() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    assert_eq!(
        cloud.hub().device("t-1").unwrap().connection_state(),
        "Disconnected"
    );
    let _client = cloud.connect("t-1").await;
    let twin = cloud.hub().twin("t-1").unwrap().to_json();
    assert_eq!(twin["connectionState"], JsonValue::from("Connected"));
    assert_eq!(
        twin["modelId"],
        JsonValue::from("dtmi:com:example:Thermostat;1")
    );
}

#[tokio::test]
async fn user_name_and_token_may_name_the_hub_with_or_without_port_and_either_key_signs() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let keys = cloud.hub().device("t-1").unwrap().keys;
    for (host, key) in [
        ("LOCALHOST".to_owned(), &keys.primary_key),
        (cloud.host(), &keys.secondary_key),
        ("127.0.0.1:8883".to_owned(), &keys.secondary_key),
    ] {
        let connect = Connect {
            username: Some(format!("{host}/t-1/?model-id=x&api-version=2021-04-12")),
            password: Some(token(&format!("{host}/devices/t-1"), key, hour())),
            ..cloud.credentials("t-1")
        };
        cloud.connect_with(connect).await;
    }
}

#[tokio::test]
async fn whoever_is_not_the_device_is_refused() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.create("t-2");
    let good = cloud.credentials("t-1");
    let key = cloud.hub().device("t-1").unwrap().keys.primary_key;
    let resource = format!("{}/devices/t-1", cloud.host());
    let past = Timestamp::now() - Duration::from_secs(1);
    let passwords = [
        None,
        Some(token(&resource, &sas::random_key(), hour())),
        Some(token(&resource, &key, past)),
        Some(token(
            &format!("{}/devices/t-2", cloud.host()),
            &key,
            hour(),
        )),
        Some(token("elsewhere.example/devices/t-1", &key, hour())),
    ];
    for password in passwords {
        let connect = Connect {
            password,
            ..good.clone()
        };
        assert_eq!(cloud.refusal(connect).await, REFUSED);
    }
    for username in [
        "elsewhere.example/t-1/?api-version=2021-04-12".to_owned(),
        format!("{}/t-2/?api-version=2021-04-12", cloud.host()),
        "t-1".to_owned(),
    ] {
        let connect = Connect {
            username: Some(username),
            ..good.clone()
        };
        assert_eq!(cloud.refusal(connect).await, REFUSED);
    }
    cloud.connect_with(good).await;
}

#[tokio::test]
async fn a_policy_with_device_connect_opens_every_device_in_the_scope_of_its_token() {
    let cloud = TestCloud::start().await;
    for id in ["t-1", "t-2"] {
        cloud.create(id);
    }
    let with = |policy: &str, resource: String| {
        let key = &cloud.policies.keys(policy).unwrap().primary_key;
        let token = sas::sign(&resource, key, hour(), Some(policy)).unwrap();
        Connect {
            password: Some(Password(token.into())),
            ..cloud.credentials("t-1")
        }
    };
    let host = cloud.host();
    for policy in ["iothubowner", "device"] {
        for resource in ["", "/devices", "/devices/t-1"] {
            let connect = with(policy, format!("{host}{resource}"));
            cloud.connect_with(connect).await;
        }
        for resource in ["/devices/t-2", "/twins", "/devices/t-1/modules"] {
            let connect = with(policy, format!("{host}{resource}"));
            assert_eq!(cloud.refusal(connect).await, REFUSED, "{resource}");
        }
    }
    for policy in ["service", "registryReadWrite", "provisioningserviceowner"] {
        let connect = with(policy, host.clone());
        assert_eq!(cloud.refusal(connect).await, REFUSED, "{policy}");
    }
    let unknown = Connect {
        client_id: "t-3".into(),
        username: Some(format!("{host}/t-3/?api-version=2021-04-12")),
        ..with("device", host.clone())
    };
    assert_eq!(cloud.refusal(unknown).await, REFUSED);
}

#[tokio::test]
async fn a_device_id_in_a_token_may_be_encoded_twice() {
    let cloud = TestCloud::start().await;
    for (id, encoded) in [
        ("AA:BB:CC:DD:EE:FF", "AA%3ABB%3ACC%3ADD%3AEE%3AFF"),
        ("n@m.et!st", "n%40m.et!st"),
    ] {
        cloud.create(id);
        let key = cloud.hub().device(id).unwrap().keys.primary_key;
        for path in [id, encoded] {
            let connect = Connect {
                password: Some(token(
                    &format!("{}/devices/{path}", cloud.host()),
                    &key,
                    hour(),
                )),
                ..cloud.credentials(id)
            };
            cloud.connect_with(connect).await;
        }
    }
}

#[tokio::test]
async fn a_device_that_is_unknown_or_disabled_is_refused() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let credentials = cloud.credentials("t-1");
    let disabled = DeviceSpec {
        status: Status::Disabled,
        ..DeviceSpec::new("t-1")
    };
    cloud.hub().update_device(disabled, None).unwrap();
    assert_eq!(cloud.refusal(credentials.clone()).await, REFUSED);
    cloud.hub().delete_device("t-1", None).unwrap();
    assert_eq!(cloud.refusal(credentials).await, REFUSED);
}

#[tokio::test]
async fn disabling_or_removing_a_device_ends_its_connection() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let disabled = DeviceSpec {
        status: Status::Disabled,
        ..DeviceSpec::new("t-1")
    };
    cloud.hub().update_device(disabled, None).unwrap();
    assert_eq!(client.receive().await, None);
    assert_eq!(cloud.last_end().await, "device disabled");

    cloud.create("t-2");
    let mut client = cloud.connect("t-2").await;
    cloud.hub().delete_device("t-2", None).unwrap();
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn a_second_connection_drops_the_first() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut first = cloud.connect("t-1").await;
    let mut second = cloud.connect("t-1").await;
    assert_eq!(first.receive().await, None);
    assert_eq!(
        cloud.last_end().await,
        "session taken over by another connection of the device"
    );
    second.is_quiet().await;
    assert!(cloud.hub().device("t-1").unwrap().connected);
}

#[tokio::test]
async fn a_session_is_kept_until_a_clean_one() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let (mut client, present) = cloud.connect_with(cloud.credentials("t-1")).await;
    assert!(!present);
    client.subscribe(TWIN_RESULTS).await;
    let (mut client, present) = cloud.connect_with(cloud.credentials("t-1")).await;
    assert!(present);
    client.publish("$iothub/twin/GET/?$rid=1", "").await;
    assert_eq!(
        client.receive_publish().await.topic,
        "$iothub/twin/res/200/?$rid=1"
    );

    let clean = Connect {
        clean_session: true,
        ..cloud.credentials("t-1")
    };
    let (mut client, present) = cloud.connect_with(clean).await;
    assert!(!present);
    client.publish("$iothub/twin/GET/?$rid=2", "").await;
    client.is_quiet().await;
    let (_client, present) = cloud.connect_with(cloud.credentials("t-1")).await;
    assert!(!present);
}

#[tokio::test]
async fn only_topics_of_the_hub_are_granted_and_five_at_most() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    for filter in ["#", "foo", "devices/t-2/messages/devicebound/#"] {
        assert_eq!(client.subscribe(filter).await, 0x80, "{filter}");
    }
    for filter in [TWIN_RESULTS, METHODS, &device_bound("t-1")] {
        assert_eq!(client.subscribe(filter).await, 1, "{filter}");
    }
    for name in ["a", "b"] {
        client
            .subscribe(&format!("$iothub/methods/POST/{name}/#"))
            .await;
    }
    assert_eq!(client.subscribe("$iothub/methods/POST/c/#").await, 0x80);
}

#[tokio::test]
async fn what_the_hub_does_not_allow_ends_the_connection() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let own = "devices/t-1/messages/events/";
    let qos_2 = Publish {
        qos: Qos::ExactlyOnce,
        ..Publish::at_least_once(own.into(), 1, "{}")
    };
    let too_large = vec![b'x'; 256 * 1024 + 1];
    for publish in [
        qos_2,
        Publish::at_most_once("foo/bar".into(), "{}"),
        Publish::at_most_once("devices/t-2/messages/events/".into(), "{}"),
        Publish::at_most_once(own.into(), too_large),
    ] {
        let mut client = cloud.connect("t-1").await;
        client.send(Packet::Publish(publish)).await;
        assert_eq!(client.receive().await, None);
    }
    let mut client = cloud.connect("t-1").await;
    let again = Packet::Connect(cloud.credentials("t-1"));
    client.send(again).await;
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn garbage_ends_a_connection_and_nothing_else() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut stranger = cloud.dial().await;
    stranger.send_bytes(&b"GET / HTTP/1.1\r\n".repeat(8)).await;
    assert_eq!(stranger.receive().await, None);
    let mut early = cloud.dial().await;
    early.send(Packet::PingReq).await;
    assert_eq!(early.receive().await, None);
    cloud.connect("t-1").await.is_quiet().await;
}

#[tokio::test]
async fn a_client_of_another_mqtt_version_is_told_so() {
    let cloud = TestCloud::start().await;
    let mut client = cloud.dial().await;
    client
        .send_bytes(&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 0])
        .await;
    let refusal = Packet::ConnAck {
        session_present: false,
        code: ConnectReturn::UnacceptableVersion,
    };
    assert_eq!(client.receive().await, Some(refusal));
}

#[tokio::test]
async fn silence_beyond_the_keep_alive_ends_the_connection() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let connect = Connect {
        keep_alive: 1,
        ..cloud.credentials("t-1")
    };
    let (mut client, _) = cloud.connect_with(connect).await;
    assert_eq!(client.receive().await, None);
    assert_eq!(cloud.last_end().await, "keep-alive timeout");
}

#[tokio::test]
async fn the_end_of_its_token_is_the_end_of_a_connection() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let key = cloud.hub().device("t-1").unwrap().keys.primary_key;
    let soon = Timestamp::now() + Duration::from_secs(5);
    let connect = Connect {
        password: Some(token(&format!("{}/devices/t-1", cloud.host()), &key, soon)),
        ..cloud.credentials("t-1")
    };
    let (mut client, _) = cloud.connect_with(connect).await;
    assert_eq!(client.receive().await, None);
    assert_eq!(cloud.last_end().await, "SAS token expired");
}

#[tokio::test]
async fn a_will_is_sent_for_a_device_that_goes_without_a_word_only() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let connect = Connect {
        will: Some(Will {
            topic: "devices/t-1/messages/events/a=b".into(),
            payload: "gone".into(),
            qos: Qos::AtLeastOnce,
            retain: false,
        }),
        ..cloud.credentials("t-1")
    };
    let (mut polite, _) = cloud.connect_with(connect.clone()).await;
    polite.send(Packet::Disconnect).await;
    assert_eq!(polite.receive().await, None);
    let mut events = cloud.hub().store().subscribe();
    let (rude, _) = cloud.connect_with(connect).await;
    drop(rude);
    loop {
        if let EventKind::Telemetry(message) = &events.recv().await.unwrap().kind {
            assert_eq!(message.body, "gone");
            let kind = ("iothub-MessageType".to_owned(), "Will".to_owned());
            assert!(message.properties.contains(&kind));
            break;
        }
    }
    let all = cloud.events().await;
    let wills = all
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Telemetry(_)));
    assert_eq!(wills.count(), 1);
}

#[tokio::test]
async fn a_stopped_cloud_ends_its_connections() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    cloud.cloud.stop().await;
    assert_eq!(client.receive().await, None);
}
