//! A device on a scripted transport, with a behaviour whose events go to functions of the test.
#![allow(
    dead_code,
    reason = "not every test that shares this module uses it all"
)]

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use host::{
    clock::{Clock, VirtualClock},
    contract::{
        behaviour::{
            Answer, Behaviour, CallFailure, Description, Event, Instance, InstanceContext, Outcome,
            Reason, Start,
        },
        effect::Effect,
    },
    device::{ConnectionConfig, Device, DeviceConfig, DeviceError, Identity},
    guest::Limits,
    hub::{message::TelemetryMessage, reply::Reply},
    mqtt::{
        Incoming,
        scripted::{self, ClientPacket, ScriptedConnection, ScriptedServer, ScriptedTransport},
    },
    provision::{dps::Assignment, sas::SymmetricKey},
    store::{Backend, DeviceStore, MemoryBackend, PersistedState, Retention},
    swap,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinHandle};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What an event comes to: the answer, what is staged, and the record after it.
pub(crate) type Handled = Result<(Answer, Vec<Effect>, String), CallFailure>;
/// What a start comes to: what is staged, and the record after it.
pub(crate) type Begun = Result<(Vec<Effect>, String), CallFailure>;
type Beginner = Arc<dyn Fn(&Start) -> Begun + Send + Sync>;
type Handler = Arc<dyn Fn(Event, &str) -> Handled + Send + Sync>;

/// A behaviour whose record is a text and whose events go to a function of the test.
#[derive(Clone)]
pub(crate) struct Scripted {
    description: Description,
    sha256: String,
    messages: bool,
    pub(crate) starts: Arc<Mutex<Vec<Start>>>,
    begin: Beginner,
    gate: Option<Arc<Gate>>,
    handler: Handler,
}

/// Where events wait until the test lets them on.
pub(crate) struct Gate {
    /// A permit for each that has come.
    pub(crate) came: Semaphore,
    /// A permit for each that may go on.
    pub(crate) open: Semaphore,
}

impl Gate {
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self {
            came: Semaphore::new(0),
            open: Semaphore::new(0),
        })
    }
}

pub(crate) struct Running {
    record: String,
    gate: Option<Arc<Gate>>,
    handler: Handler,
}

impl Scripted {
    pub(crate) fn new(handler: impl Fn(Event, &str) -> Handled + Send + Sync + 'static) -> Self {
        let description = Description {
            name: "scripted".into(),
            version: "1".into(),
            model_id: "dtmi:example:Scripted;1".into(),
        };
        Self {
            description,
            sha256: "a".to_owned(),
            messages: true,
            starts: Arc::default(),
            begin: Arc::new(|start| {
                let record = start.record.clone();
                Ok((vec![], record.unwrap_or_else(|| "begun".to_owned())))
            }),
            gate: None,
            handler: Arc::new(handler),
        }
    }

    /// Stops at this gate with each event.
    pub(crate) fn held_by(mut self, gate: &Arc<Gate>) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// With this hash, by which it is another version.
    pub(crate) fn version(mut self, sha256: &str) -> Self {
        sha256.clone_into(&mut self.sha256);
        self
    }

    /// With this model.
    pub(crate) fn model(mut self, model_id: &str) -> Self {
        model_id.clone_into(&mut self.description.model_id);
        self
    }

    /// Takes no messages.
    pub(crate) fn without_messages(mut self) -> Self {
        self.messages = false;
        self
    }

    /// Begins like this.
    pub(crate) fn beginning(
        mut self,
        begin: impl Fn(&Start) -> Begun + Send + Sync + 'static,
    ) -> Self {
        self.begin = Arc::new(begin);
        self
    }

    pub(crate) fn reasons(&self) -> Vec<Reason> {
        self.starts
            .lock()
            .unwrap()
            .iter()
            .map(|start| start.reason)
            .collect()
    }
}

impl Behaviour for Scripted {
    type Instance = Running;

    fn description(&self) -> &Description {
        &self.description
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn takes_messages(&self) -> bool {
        self.messages
    }

    fn start(
        &self,
        _: InstanceContext,
        start: Start,
    ) -> impl Future<Output = Result<(Running, Outcome), CallFailure>> + Send + 'static {
        let begun = (self.begin)(&start);
        self.starts.lock().unwrap().push(start);
        let (gate, handler) = (self.gate.clone(), self.handler.clone());
        async move {
            let (effects, record) = begun?;
            let running = Running {
                record: record.clone(),
                gate,
                handler,
            };
            let outcome = Outcome {
                answer: Answer::None,
                effects,
                record,
            };
            Ok((running, outcome))
        }
    }
}

impl Instance for Running {
    async fn handle(mut self, event: Event) -> Result<(Self, Outcome), CallFailure> {
        if let Some(gate) = &self.gate {
            gate.came.add_permits(1);
            gate.open.acquire().await.unwrap().forget();
        }
        let (answer, effects, record) = (self.handler)(event, &self.record)?;
        self.record.clone_from(&record);
        Ok((
            self,
            Outcome {
                answer,
                effects,
                record,
            },
        ))
    }

    fn memory(&self) -> usize {
        0
    }
}

pub(crate) fn reply(text: &str, record: &str) -> Handled {
    Ok((
        Answer::Reply(Reply {
            status: 200,
            payload: json!(text).to_string(),
        }),
        vec![],
        record.to_owned(),
    ))
}

/// A device that runs, and the server at its other end.
pub(crate) struct Bench {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) server: ScriptedServer,
    pub(crate) device: JoinHandle<Result<(), DeviceError>>,
}

pub(crate) fn run(behaviour: &Scripted) -> Bench {
    run_on(behaviour, Box::new(MemoryBackend::default()))
}

pub(crate) fn run_on(behaviour: &Scripted, backend: Box<dyn Backend>) -> Bench {
    run_as(with_connection_string(), behaviour, backend)
}

pub(crate) fn with_connection_string() -> Identity {
    Identity::Hub {
        assignment: Assignment {
            hub: "hub.example".to_owned(),
            device_id: "d".to_owned(),
        },
        key: SymmetricKey::parse("c2VjcmV0").unwrap(),
    }
}

pub(crate) fn run_as(identity: Identity, behaviour: &Scripted, backend: Box<dyn Backend>) -> Bench {
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), 24 * HOUR);
    let swap = swap::SwapConfig::default();
    let (device, server) = put_together(
        identity,
        behaviour,
        swap,
        DeviceStore::new(
            backend,
            PersistedState::default(),
            Retention::default(),
            &clock,
        ),
        Arc::new(clock.clone()),
    );
    Bench {
        clock: clock.clone(),
        server,
        device: tokio::spawn(device.run(clock.stopped())),
    }
}

pub(crate) fn put_together(
    identity: Identity,
    behaviour: &Scripted,
    swap: swap::SwapConfig<Scripted>,
    store: DeviceStore,
    clock: Arc<dyn Clock>,
) -> (Device<Scripted, ScriptedTransport>, ScriptedServer) {
    put_together_to(
        ConnectionConfig::default(),
        identity,
        behaviour,
        swap,
        store,
        clock,
    )
}

/// [`put_together`], to connect like this.
pub(crate) fn put_together_to(
    connection: ConnectionConfig,
    identity: Identity,
    behaviour: &Scripted,
    swap: swap::SwapConfig<Scripted>,
    store: DeviceStore,
    clock: Arc<dyn Clock>,
) -> (Device<Scripted, ScriptedTransport>, ScriptedServer) {
    let (transport, server) = scripted::pair();
    let device = Device::new(DeviceConfig {
        name: "d".into(),
        behaviour: behaviour.clone(),
        settings: [].into(),
        identity,
        transport,
        connection,
        store,
        clock,
        seed: Some(1),
        swap,
        limits: Arc::new(Limits {
            timers: 4,
            ..Limits::default()
        }),
        observer: Arc::new(|_| {}),
    });
    (device, server)
}

impl Bench {
    /// Accepts the next connection and grants its topics; the twin is empty.
    pub(crate) async fn connected(&mut self) -> ScriptedConnection {
        self.connected_with(&json!({ "$version": 1 })).await
    }

    pub(crate) async fn connected_with(&mut self, desired: &Value) -> ScriptedConnection {
        let mut connection = self.server.next().await.unwrap().accept();
        assert!(
            matches!(connection.next().await, Some(ClientPacket::Subscribe(topics)) if topics.len() == 4)
        );
        connection.send(Incoming::Subscribed { refused: vec![] });
        let get = published(&mut connection).await;
        let request = get
            .0
            .strip_prefix("$iothub/twin/GET/?$rid=")
            .unwrap()
            .to_owned();
        let twin = json!({ "desired": desired, "reported": {} }).to_string();
        connection.publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
        connection
    }
}

/// The next message the device sends: topic and body.
pub(crate) async fn published(connection: &mut ScriptedConnection) -> (String, Bytes) {
    match connection.next().await {
        Some(ClientPacket::Publish { topic, payload, .. }) => (topic, payload),
        other => panic!("expected a message, got {other:?}"),
    }
}

pub(crate) fn call(connection: &ScriptedConnection, name: &str, request: &str) {
    connection.publish(
        &format!("$iothub/methods/POST/{name}/?$rid={request}"),
        "null",
    );
}

pub(crate) async fn answered(connection: &mut ScriptedConnection) -> (String, String) {
    let (topic, body) = published(connection).await;
    let answer = topic
        .strip_prefix("$iothub/methods/res/")
        .unwrap()
        .to_owned();
    (answer, String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) fn command_name(event: &Event) -> &str {
    match event {
        Event::Command { name, .. } => name,
        _ => "",
    }
}

/// A telemetry message.
pub(crate) fn telemetry() -> TelemetryMessage {
    TelemetryMessage {
        id: TelemetryMessage::new_id(),
        created: Timestamp::UNIX_EPOCH,
        component: None,
        content_type: String::new(),
        content_encoding: String::new(),
        properties: vec![],
        body: Bytes::from_static(b"{}"),
    }
}
