//! One device on a scripted transport and a virtual clock: how it comes back, renews its token, and tells one failure from
//! another.

mod scripted;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use host::{
    cause::Cause,
    clock::{Clock, VirtualClock},
    contract::{
        behaviour::{Answer, Event},
        effect::{Effect, Schedule},
    },
    device::{ConnectionConfig, DeviceError, Identity, IdentityRejected},
    mqtt::{
        ConnectError, Endpoint, Incoming, LinkError,
        scripted::{ClientPacket, PendingConnect, ScriptedConnection, ScriptedServer},
    },
    provision::{dps::Registration, sas::SymmetricKey},
    status::{ConnectionState, Status},
    store::{DeviceStore, MemoryBackend, PersistedState, Retention},
    swap::{self, DeviceRequest},
};
use jiff::{SignedDuration, Timestamp};
use scripted::{
    Bench, HOUR, Scripted, answered, call, published, put_together_to, reply, telemetry,
    with_connection_string,
};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// A clock whose time of day the test sets.
#[derive(Clone)]
struct Watch {
    clock: Arc<VirtualClock>,
    /// Seconds it is ahead.
    ahead: Arc<AtomicI64>,
}

impl Watch {
    fn set_ahead(&self, by: SignedDuration) {
        self.ahead.store(by.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed));
        self.clock.now().saturating_add(ahead).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(deadline)
    }
}

/// A device that runs, what it can be asked, and its clock.
struct Device {
    bench: Bench,
    watch: Watch,
    requests: mpsc::Sender<DeviceRequest<Scripted>>,
}

impl Device {
    fn new(identity: Identity, behaviour: &Scripted) -> Self {
        Self::with_clock(identity, behaviour, SignedDuration::ZERO)
    }

    /// One whose tokens are good for this long.
    fn with_tokens_for(life: Duration, behaviour: &Scripted) -> Self {
        let connection = ConnectionConfig {
            sas_token_ttl: life,
            ..ConnectionConfig::default()
        };
        let ahead = SignedDuration::ZERO;
        Self::put_together(connection, with_connection_string(), behaviour, ahead)
    }

    /// One whose time of day is this far ahead, or behind.
    fn with_clock(identity: Identity, behaviour: &Scripted, ahead: SignedDuration) -> Self {
        Self::put_together(ConnectionConfig::default(), identity, behaviour, ahead)
    }

    fn put_together(
        connection: ConnectionConfig,
        identity: Identity,
        behaviour: &Scripted,
        ahead: SignedDuration,
    ) -> Self {
        let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), 48 * HOUR);
        let watch = Watch {
            clock: clock.clone(),
            ahead: Arc::default(),
        };
        watch.set_ahead(ahead);
        let (requests, device_requests) = mpsc::channel(1);
        let swap = swap::SwapConfig {
            requests: Some(device_requests),
            ..swap::SwapConfig::default()
        };
        let backend = Box::new(MemoryBackend::default());
        let store = DeviceStore::new(
            backend,
            PersistedState::default(),
            Retention::default(),
            &watch,
        );
        let clock_of_device = Arc::new(watch.clone());
        let (device, server) = put_together_to(
            connection,
            identity,
            behaviour,
            swap,
            store,
            clock_of_device,
        );
        let device: JoinHandle<Result<(), DeviceError>> = tokio::spawn(device.run(clock.stopped()));
        Self {
            bench: Bench {
                clock,
                server,
                device,
            },
            watch,
            requests,
        }
    }

    async fn status(&self) -> Status {
        let (to, status) = oneshot::channel();
        self.requests.send(DeviceRequest::Status(to)).await.unwrap();
        *status.await.unwrap()
    }

    /// `host reconnect`; returns the state before.
    async fn reconnect(&self) -> ConnectionState {
        let (to, before) = oneshot::channel();
        let request = DeviceRequest::Reconnect(to);
        self.requests.send(request).await.unwrap();
        before.await.unwrap()
    }

    fn now(&self) -> Duration {
        self.bench.clock.monotonic()
    }
}

/// A behaviour that sends a message each minute.
fn sends_each_minute() -> Scripted {
    Scripted::new(|event, record| match event {
        Event::Timer(_) => Ok((
            Answer::None,
            vec![Effect::Telemetry(telemetry())],
            record.to_owned(),
        )),
        Event::Command { name, .. } => reply(&name, record),
        _ => Ok((Answer::Acknowledgments(vec![]), vec![], record.to_owned())),
    })
    .beginning(|_| {
        let each_minute = Schedule::Every(Duration::from_secs(60));
        let timer = Effect::SetTimer("minute".to_owned(), each_minute);
        Ok((vec![timer], "{}".to_owned()))
    })
}

fn silent() -> Scripted {
    Scripted::new(|_, record| reply("", record))
}

fn with_dps() -> Identity {
    Identity::Dps(Registration {
        endpoint: Endpoint::parse("dps.example").unwrap(),
        id_scope: "0ne1".to_owned(),
        registration_id: "d".to_owned(),
        key: SymmetricKey::parse("c2VjcmV0").unwrap(),
    })
}

/// Plays DPS on the next connection.
async fn assign(server: &mut ScriptedServer, hub: &str) {
    assign_as(server, hub, "d").await;
}

/// [`assign`], under this device ID.
async fn assign_as(server: &mut ScriptedServer, hub: &str, id: &str) {
    let attempt = server.next().await.unwrap();
    let username = &attempt.connect.username;
    assert!(username.contains("/registrations/d/"), "{username}");
    let mut dps = attempt.accept();
    assert!(matches!(dps.next().await, Some(ClientPacket::Subscribe(_))));
    dps.send(Incoming::Subscribed { refused: vec![] });
    let (topic, _) = published(&mut dps).await;
    let request = topic.split("$rid=").nth(1).unwrap();
    let state = json!({ "assignedHub": hub, "deviceId": id });
    let body = json!({ "operationId": "1", "status": "assigned", "registrationState": state });
    dps.publish(
        &format!("$dps/registrations/res/200/?$rid={request}"),
        body.to_string(),
    );
}

/// When the token of a CONNECT ends, in seconds of Unix time.
fn expiry(attempt: &PendingConnect) -> i64 {
    let password = attempt.connect.password.expose_secret();
    let end = password.split("&se=").nth(1).unwrap();
    end.split('&').next().unwrap().parse().unwrap()
}

/// Acknowledges messages until the device ends the connection; how many there were.
async fn acknowledge_all(hub: &mut ScriptedConnection) -> usize {
    let mut count = 0;
    loop {
        match hub.next().await {
            Some(ClientPacket::Publish {
                delivery: host::mqtt::Delivery::AtLeastOnce(number),
                ..
            }) => {
                hub.send(Incoming::Acknowledged(number));
                count += 1;
            }
            Some(
                ClientPacket::Publish { .. }
                | ClientPacket::Subscribe(_)
                | ClientPacket::Acknowledge(_),
            ) => {}
            Some(ClientPacket::Disconnect) | None => return count,
        }
    }
}

#[tokio::test]
async fn a_token_is_renewed_in_time_and_nothing_comes_twice() {
    let mut device = Device::new(with_connection_string(), &sends_each_minute());
    let mut messages = 0;
    let mut renewed_at = Duration::ZERO;
    for _ in 0..10 {
        let mut hub = device.bench.connected().await;
        messages += acknowledge_all(&mut hub).await;
        let stood = device.now() - renewed_at;
        assert!(
            (Duration::from_secs(2700)..=Duration::from_secs(3100)).contains(&stood),
            "{stood:?}"
        );
        renewed_at = device.now();
    }
    let attempt = device.bench.server.next().await.unwrap();
    assert_eq!(device.now(), renewed_at, "it comes back at once");
    let left = expiry(&attempt) - device.watch.now().as_second();
    assert_eq!(left, 3600);
    let minutes = usize::try_from(device.now().as_secs() / 60).unwrap();
    assert!(messages.abs_diff(minutes) <= 1, "{messages} in {minutes}");
    let status = device.status().await;
    assert_eq!(status.connection.token_renewals, 10);
    assert!(status.connection.disconnects.is_empty() && status.connection.last_error.is_none());
}

#[tokio::test]
async fn a_command_that_is_carried_out_keeps_the_connection_its_answer_belongs_to() {
    let gate = scripted::Gate::closed();
    let behaviour = silent().held_by(&gate);
    // Renewed after 90 s to 102 s, at the latest after 114 s.
    let mut device = Device::with_tokens_for(Duration::from_secs(120), &behaviour);
    let mut hub = device.bench.connected().await;
    let clock = device.bench.clock.clone();
    clock.sleep_until(Duration::from_secs(89)).await;
    call(&hub, "slow", "1");
    gate.came.acquire().await.unwrap().forget();
    clock.sleep_until(Duration::from_secs(110)).await;
    gate.open.add_permits(1);
    assert_eq!(answered(&mut hub).await.0, "200/?$rid=1");
    assert_eq!(hub.next().await, Some(ClientPacket::Disconnect));
    device.bench.server.next().await.unwrap();
}

#[tokio::test]
async fn a_hub_that_acknowledges_nothing_does_not_keep_a_token_from_being_renewed() {
    let mut device = Device::new(with_connection_string(), &silent());
    let mut hub = device.bench.connected().await;
    // The answer to this request never comes.
    hub.publish("$iothub/twin/PATCH/properties/desired/?$version=9", "{}");
    while let Some(sent) = hub.next().await {
        if sent == ClientPacket::Disconnect {
            break;
        }
    }
    assert!(
        device.now() <= Duration::from_secs(3420),
        "{:?}",
        device.now()
    );
}

#[tokio::test]
async fn a_clock_that_is_set_forward_renews_the_token_and_one_set_back_breaks_nothing() {
    let mut device = Device::new(with_connection_string(), &silent());
    let mut hub = device.bench.connected().await;
    device.watch.set_ahead(SignedDuration::from_hours(2));
    assert_eq!(hub.next().await, Some(ClientPacket::Disconnect));
    assert!(
        device.now() <= Duration::from_secs(61),
        "{:?}",
        device.now()
    );
    let mut hub = device.bench.connected().await;
    device.watch.set_ahead(SignedDuration::from_hours(-2));
    let before = device.now();
    assert_eq!(hub.next().await, Some(ClientPacket::Disconnect));
    assert!(device.now() - before >= Duration::from_secs(2600));
    let attempt = device.bench.server.next().await.unwrap();
    assert_eq!(expiry(&attempt) - device.watch.now().as_second(), 3600);
}

#[tokio::test]
async fn a_machine_that_does_not_know_the_time_believes_no_refusal_and_tries_again_when_it_does() {
    let decades = SignedDuration::from_hours(-24 * 365 * 30);
    let mut device = Device::with_clock(with_connection_string(), &silent(), decades);
    for error in [
        ConnectError::Refused(5),
        ConnectError::Certificate("not valid yet".to_owned()),
    ] {
        device.bench.server.next().await.unwrap().refuse(error);
    }
    let before = device.now();
    // The device waits by now.
    assert_eq!(
        device.status().await.connection.state,
        ConnectionState::Backoff
    );
    device.watch.set_ahead(SignedDuration::ZERO);
    let _hub = device.bench.connected().await;
    assert!(device.now() - before <= Duration::from_secs(60));
}

#[tokio::test]
async fn a_refusal_at_a_time_before_this_program_was_built_is_not_final() {
    let connection = ConnectionConfig {
        earliest_time: "2500-01-01T00:00:00Z".parse().unwrap(),
        ..ConnectionConfig::default()
    };
    let ahead = SignedDuration::ZERO;
    let mut device = Device::put_together(connection, with_dps(), &silent(), ahead);
    let attempt = device.bench.server.next().await.unwrap();
    attempt.refuse(ConnectError::Refused(5));
    let status = device.status().await.connection;
    assert_eq!(status.state, ConnectionState::Backoff);
    let error = status.last_error.unwrap().message;
    for words in ["registration ID", "clock", "2500-01-01"] {
        assert!(error.contains(words), "{error}");
    }
    drop(device.bench.server.next().await.unwrap());
}

#[tokio::test]
async fn a_device_id_from_dps_that_cannot_be_connected_ends_a_device_that_never_was() {
    let mut device = Device::new(with_dps(), &silent());
    assign_as(&mut device.bench.server, "hub.example", "a#1").await;
    let Err(DeviceError::Rejected(IdentityRejected::Unusable(message))) =
        device.bench.device.await.unwrap()
    else {
        panic!("another end");
    };
    for words in ["DeviceId", "a#1", "`#`", "no MQTT topic"] {
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn a_device_its_hub_no_longer_takes_asks_dps_again_and_moves_with_it() {
    let mut device = Device::new(with_dps(), &silent());
    assign(&mut device.bench.server, "hub.example").await;
    drop(device.bench.connected().await);
    let attempt = device.bench.server.next().await.unwrap();
    attempt.refuse(ConnectError::Refused(5));
    assign(&mut device.bench.server, "hub.example").await;
    // A second refusal is believed, for five minutes.
    let before = device.now();
    let attempt = device.bench.server.next().await.unwrap();
    attempt.refuse(ConnectError::Refused(5));
    assign(&mut device.bench.server, "other.example").await;
    assert_eq!((device.now() - before).as_secs(), 300);
    let attempt = device.bench.server.next().await.unwrap();
    assert!(attempt.connect.username.starts_with("other.example/d/"));
    assert_eq!(attempt.connect.endpoint.host, "other.example");
}

#[tokio::test]
async fn a_hub_out_of_reach_is_asked_for_at_dps_but_not_given_up_for_it() {
    let mut device = Device::new(with_dps(), &silent());
    assign(&mut device.bench.server, "hub.example").await;
    drop(device.bench.connected().await);
    let gone = || ConnectError::Unreachable("gone".to_owned());
    let mut asked = Vec::new();
    for _ in 0..23 {
        let attempt = device.bench.server.next().await.unwrap();
        asked.push(attempt.connect.username.contains("/registrations/"));
        attempt.refuse(gone());
    }
    let dps: Vec<_> = (0..23).filter(|number| asked[*number]).collect();
    assert_eq!(dps, [10, 21]);
    let _hub = device.bench.connected().await;
    let connection = device.status().await.connection;
    assert_eq!(connection.connect_failures, [(Cause::Tcp, 23)].into());
    assert_eq!(connection.disconnects, [(Cause::Closed, 1)].into());
}

#[tokio::test]
async fn a_second_client_with_the_same_id_is_found_out_and_left_room() {
    let mut device = Device::new(with_connection_string(), &silent());
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let hub = device.bench.connected().await;
        // Once the twin was taken.
        device.status().await;
        device.status().await;
        let before = device.now();
        drop(hub);
        let attempt = device.bench.server.next().await.unwrap();
        pauses.push(device.now() - before);
        attempt.refuse(ConnectError::Refused(3));
    }
    let _hub = device.bench.connected().await;
    let lost = device.status().await.connection.disconnects;
    assert_eq!(lost, [(Cause::Closed, 2), (Cause::TakenOver, 4)].into());
    let minute = Duration::from_secs(60);
    assert!(
        pauses[..2].iter().all(|pause| *pause < minute),
        "{pauses:?}"
    );
    assert!(
        pauses[2..].iter().all(|pause| *pause >= minute),
        "{pauses:?}"
    );
}

#[tokio::test]
async fn resets_are_the_links_and_no_other_clients() {
    let mut device = Device::new(with_connection_string(), &silent());
    for _ in 0..6 {
        let hub = device.bench.connected().await;
        device.status().await;
        hub.fail(LinkError::Reset);
    }
    let _hub = device.bench.connected().await;
    let lost = device.status().await.connection.disconnects;
    assert_eq!(lost, [(Cause::Reset, 6)].into());
}

#[tokio::test]
async fn a_throttled_twin_is_asked_for_ever_more_rarely() {
    let mut device = Device::new(with_connection_string(), &silent());
    let mut hub = device.bench.server.next().await.unwrap().accept();
    hub.next().await.unwrap();
    hub.send(Incoming::Subscribed { refused: vec![] });
    let mut asked = Vec::new();
    for _ in 0..8 {
        let (topic, _) = published(&mut hub).await;
        let request = topic.strip_prefix("$iothub/twin/GET/?$rid=").unwrap();
        asked.push(device.now().as_secs());
        hub.publish(&format!("$iothub/twin/res/429/?$rid={request}"), "");
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 160]);
}

#[tokio::test]
async fn the_status_tells_what_happened_and_what_happens_next() {
    let mut device = Device::new(with_connection_string(), &sends_each_minute());
    let attempt = device.bench.server.next().await.unwrap();
    let connection = device.status().await.connection;
    assert_eq!(connection.state, ConnectionState::Connecting);
    assert_eq!((connection.since, connection.connects), (None, 0));
    attempt.refuse(ConnectError::Dns("no such name".to_owned()));
    let mut hub = device.bench.connected().await;
    let (_, _) = published(&mut hub).await;
    let status = device.status().await;
    let connection = status.connection;
    assert_eq!(connection.state, ConnectionState::Connected);
    assert_eq!(connection.hub.as_deref(), Some("hub.example"));
    assert!(connection.since.is_some() && connection.next_attempt_seconds.is_none());
    assert!((3500.0..=3600.0).contains(&connection.token_expires_seconds.unwrap()));
    let trouble = connection.last_error.unwrap();
    assert_eq!(
        (trouble.cause, &*trouble.message),
        (Cause::Dns, "no such name")
    );
    assert_eq!((status.outbox.messages, status.calls.ok), (1, 2));
    hub.fail(LinkError::KeepAliveTimeout("silent".to_owned()));
    let attempt = device.bench.server.next().await.unwrap();
    let connection = device.status().await.connection;
    assert_eq!(
        connection.disconnects,
        [(Cause::KeepAliveTimeout, 1)].into()
    );
    drop(attempt);
}

#[tokio::test]
async fn a_change_that_overtakes_the_twin_is_not_taken_back() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let behaviour = Scripted::new(move |event, record| {
        if let Event::Desired { properties, .. } = event {
            told.lock().unwrap().push(json!(properties).to_string());
        }
        Ok((Answer::Acknowledgments(vec![]), vec![], record.to_owned()))
    });
    let mut device = Device::new(with_connection_string(), &behaviour);
    drop(device.bench.connected().await);
    let mut hub = device.bench.server.next().await.unwrap().accept();
    hub.next().await.unwrap();
    hub.send(Incoming::Subscribed { refused: vec![] });
    let changed = json!({ "goal": 5, "$version": 2 });
    let topic = "$iothub/twin/PATCH/properties/desired/?$version=2";
    hub.publish(topic, changed.to_string());
    for desired in [&json!({ "$version": 1 }), &changed] {
        // The change is handled before the answer comes.
        device.status().await;
        let (topic, _) = published(&mut hub).await;
        let request = topic.strip_prefix("$iothub/twin/GET/?$rid=").unwrap();
        let twin = json!({ "desired": desired, "reported": {} }).to_string();
        hub.publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
    }
    device.status().await;
    device.status().await;
    assert_eq!(*seen.lock().unwrap(), ["{\"goal\":5}"]);
}

#[tokio::test]
async fn a_hub_is_not_given_up_because_dps_does_not_know_the_device_any_more() {
    let mut device = Device::new(with_dps(), &silent());
    assign(&mut device.bench.server, "hub.example").await;
    drop(device.bench.connected().await);
    // The hub shows a certificate that must not be accepted, and DPS refuses.
    for error in [
        ConnectError::Certificate("untrusted".to_owned()),
        ConnectError::Refused(5),
    ] {
        device.bench.server.next().await.unwrap().refuse(error);
    }
    let attempt = device.bench.server.next().await.unwrap();
    assert!(attempt.connect.username.starts_with("hub.example/d/"));
    drop(attempt.accept());
}

#[tokio::test]
async fn a_clock_that_is_set_forward_for_a_moment_holds_nothing_back() {
    let mut device = Device::new(with_connection_string(), &sends_each_minute());
    let mut hub = device.bench.connected().await;
    // The twin is asked for, so that the token is not renewed at once.
    hub.publish("$iothub/twin/PATCH/properties/desired/?$version=9", "{}");
    let (topic, _) = published(&mut hub).await;
    assert!(topic.starts_with("$iothub/twin/GET/"), "{topic}");
    device.watch.set_ahead(SignedDuration::from_mins(55));
    device.status().await;
    device.watch.set_ahead(SignedDuration::ZERO);
    while !published(&mut hub)
        .await
        .0
        .starts_with("devices/d/messages/events/")
    {}
}

#[tokio::test]
async fn an_attempt_that_hangs_gives_way_to_another_on_request() {
    let mut device = Device::new(with_dps(), &silent());
    let hanging = device.bench.server.next().await.unwrap();
    assert_eq!(device.reconnect().await, ConnectionState::Provisioning);
    assign(&mut device.bench.server, "hub.example").await;
    drop(hanging);
    let hanging = device.bench.server.next().await.unwrap();
    assert!(hanging.connect.username.starts_with("hub.example/d/"));
    assert_eq!(device.reconnect().await, ConnectionState::Connecting);
    let _hub = device.bench.connected().await;
    // No more than the connect rate limit asks for.
    assert!(
        device.now() < Duration::from_millis(100),
        "{:?}",
        device.now()
    );
    let connection = device.status().await.connection;
    assert_eq!(connection.connect_failures, [].into());
    drop(hanging);
}

#[tokio::test]
async fn a_reconnect_on_request_renews_the_time_of_the_connection_and_a_token_renewal_does_not() {
    let mut device = Device::new(with_connection_string(), &silent());
    let clock = device.bench.clock.clone();
    let mut hub = device.bench.connected().await;
    let first = device.status().await.connection.since.unwrap();
    while hub.next().await != Some(ClientPacket::Disconnect) {}
    let mut hub = device.bench.connected().await;
    let status = device.status().await.connection;
    assert_eq!((status.token_renewals, status.since), (1, Some(first)));
    clock
        .sleep_until(device.now() + Duration::from_secs(100))
        .await;
    assert_eq!(device.reconnect().await, ConnectionState::Connected);
    while hub.next().await != Some(ClientPacket::Disconnect) {}
    let _hub = device.bench.connected().await;
    assert_eq!(
        device.status().await.connection.since,
        Some(device.watch.now())
    );
}

#[tokio::test]
async fn a_rejection_by_dps_has_the_words_of_its_connack() {
    let device = Device::new(with_dps(), &silent());
    let mut bench = device.bench;
    let attempt = bench.server.next().await.unwrap();
    attempt.refuse(ConnectError::Refused(5));
    let rejected = bench.device.await.unwrap().unwrap_err().to_string();
    assert!(
        rejected.contains("not authorized (CONNACK 5)"),
        "{rejected}"
    );
}
