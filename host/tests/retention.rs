//! An hour of a link that is up a tenth of the time: everything arrives, or is counted among what gave way.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use host::{
    clock::{Clock, VirtualClock},
    contract::{
        behaviour::{
            Answer, Behaviour, CallFailure, Description, Event, Instance, InstanceContext, Outcome,
            Start,
        },
        effect::{Effect, Schedule},
    },
    device::{ConnectionConfig, Device, DeviceConfig, Identity},
    hub::{message::TelemetryMessage, session::WINDOW},
    mqtt::{
        ConnectError, Delivery, Incoming, LinkError,
        scripted::{self, ClientPacket, ScriptedConnection, ScriptedServer},
    },
    provision::{dps::Assignment, sas::SymmetricKey},
    store::{Backend, DeviceStore, MemoryBackend, PersistedState, Progress, Retention, row::Row},
};
use jiff::Timestamp;
use serde_json::json;
use tokio::{sync::watch, task::LocalSet};

const PERIOD: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(3600);
/// Messages of an hour.
const MESSAGES: u64 = 36_000;
/// After the hour the link stays up for as long as the longest pause between two tries, and what is left takes to leave.
const END: Duration = Duration::from_secs(3600 + 1200);

/// Sends its numbers for an hour, one every [`PERIOD`].
#[derive(Clone)]
struct Numbers {
    description: Description,
    clock: Arc<VirtualClock>,
}

struct Running {
    count: u64,
    clock: Arc<VirtualClock>,
}

impl Running {
    fn outcome(&self, effects: Vec<Effect>) -> Outcome {
        Outcome {
            answer: Answer::None,
            effects,
            record: self.count.to_string(),
        }
    }
}

impl Behaviour for Numbers {
    type Instance = Running;

    fn description(&self) -> &Description {
        &self.description
    }

    fn sha256(&self) -> &str {
        "scripted"
    }

    fn takes_messages(&self) -> bool {
        false
    }

    fn start(
        &self,
        _: InstanceContext,
        _: Start,
    ) -> impl Future<Output = Result<(Running, Outcome), CallFailure>> + Send + 'static {
        let running = Running {
            count: 0,
            clock: self.clock.clone(),
        };
        let timer = Effect::SetTimer("tick".to_owned(), Schedule::Every(PERIOD));
        let outcome = running.outcome(vec![timer]);
        async move { Ok((running, outcome)) }
    }
}

impl Instance for Running {
    async fn handle(mut self, event: Event) -> Result<(Self, Outcome), CallFailure> {
        let Event::Timer(_) = event else {
            let outcome = self.outcome(vec![]);
            return Ok((self, outcome));
        };
        let effects = match self.count < MESSAGES {
            true => {
                self.count += 1;
                vec![Effect::Telemetry(message(self.count, self.clock.now()))]
            }
            false => vec![],
        };
        let outcome = self.outcome(effects);
        Ok((self, outcome))
    }

    fn memory(&self) -> usize {
        0
    }
}

fn message(number: u64, created: Timestamp) -> TelemetryMessage {
    TelemetryMessage {
        id: format!("m-{number}"),
        created,
        component: None,
        content_type: String::new(),
        content_encoding: String::new(),
        properties: vec![],
        body: number.to_string().into(),
    }
}

/// A backend in memory that knows how many messages gave way.
struct Counting {
    memory: MemoryBackend,
    evicted: Arc<AtomicU64>,
}

impl Backend for Counting {
    fn persist(&mut self, number: u64, rows: &[Row<'_>]) {
        for row in rows {
            if let Row::Evicted(count) = row {
                self.evicted.store(*count, Ordering::Relaxed);
            }
        }
        self.memory.persist(number, rows);
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.memory.progress()
    }
}

/// Up for six seconds of each minute, and for good after an hour.
fn is_up(now: Duration) -> bool {
    now >= HOUR || now.as_secs() % 60 < 6
}

/// In the last second before the link goes down nothing is acknowledged any more.
fn acknowledges(now: Duration) -> bool {
    is_up(now) && is_up(now + Duration::from_secs(1))
}

/// A message as it arrived.
struct Arrival {
    number: u64,
    at: Duration,
    /// Since when the connection stood.
    connected: Duration,
}

#[derive(Default)]
struct Hub {
    /// The message each number came with.
    messages: BTreeMap<u64, String>,
    /// First arrivals, in order.
    arrivals: Vec<Arrival>,
    twice: usize,
    connections: usize,
}

impl Hub {
    async fn serve(mut self, mut server: ScriptedServer, clock: Arc<VirtualClock>) -> Self {
        while let Some(attempt) = server.next().await {
            if !is_up(clock.monotonic()) {
                attempt.refuse(ConnectError::Unreachable("down".to_owned()));
                continue;
            }
            self.connections += 1;
            let connected = clock.monotonic();
            let mut connection = attempt.accept();
            while let Some(sent) = connection.next().await {
                let now = clock.monotonic();
                if !is_up(now) {
                    connection.fail(LinkError::Reset);
                    break;
                }
                self.take(&connection, sent, now, connected);
            }
        }
        self
    }

    fn take(
        &mut self,
        connection: &ScriptedConnection,
        sent: ClientPacket,
        now: Duration,
        connected: Duration,
    ) {
        match sent {
            ClientPacket::Subscribe(_) => connection.send(Incoming::Subscribed { refused: vec![] }),
            ClientPacket::Publish {
                topic,
                payload,
                delivery,
            } => match (topic.strip_prefix("$iothub/twin/GET/?$rid="), delivery) {
                (Some(request), _) => {
                    let twin = json!({ "desired": { "$version": 1 }, "reported": {} }).to_string();
                    connection.publish(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
                }
                (None, Delivery::AtLeastOnce(number)) => {
                    self.arrived(&topic, &payload, now, connected);
                    if acknowledges(now) {
                        connection.send(Incoming::Acknowledged(number));
                    }
                }
                (None, Delivery::AtMostOnce) => panic!("unexpected {topic}"),
            },
            ClientPacket::Acknowledge(_) | ClientPacket::Disconnect => {}
        }
    }

    fn arrived(&mut self, topic: &str, payload: &[u8], at: Duration, connected: Duration) {
        let number = std::str::from_utf8(payload).unwrap().parse().unwrap();
        let mut pairs = topic.split(['/', '&']);
        let id = pairs.find_map(|pair| pair.strip_prefix("$.mid=")).unwrap();
        match self.messages.get(&number) {
            Some(first) => {
                assert_eq!(first, id, "number {number} came with another message");
                self.twice += 1;
            }
            None => {
                self.messages.insert(number, id.to_owned());
                self.arrivals.push(Arrival {
                    number,
                    at,
                    connected,
                });
            }
        }
    }
}

/// The hour, and its end. Returns what arrived and how many messages gave way.
async fn hour(retention: Retention) -> (Hub, u64) {
    let local = LocalSet::new();
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap(), END);
    let (transport, server) = scripted::pair();
    let evicted = Arc::new(AtomicU64::new(0));
    let backend = Counting {
        memory: MemoryBackend::default(),
        evicted: evicted.clone(),
    };
    let device = Device::new(DeviceConfig {
        name: "d".into(),
        behaviour: Numbers {
            description: Description {
                name: "numbers".into(),
                version: "1".into(),
                model_id: "dtmi:example:Numbers;1".into(),
            },
            clock: clock.clone(),
        },
        settings: [].into(),
        identity: Identity::Hub {
            assignment: Assignment {
                hub: "hub.example".to_owned(),
                device_id: "d".to_owned(),
            },
            key: SymmetricKey::parse("c2VjcmV0").unwrap(),
        },
        transport,
        connection: ConnectionConfig::default(),
        store: DeviceStore::new(
            Box::new(backend),
            PersistedState::default(),
            retention,
            &clock,
        ),
        clock: Arc::new(clock.clone()),
        seed: Some(1),
        swap: host::swap::SwapConfig::default(),
        limits: Arc::default(),
        observer: Arc::new(|_| {}),
    });
    let hub = local
        .run_until(async {
            let hub = tokio::task::spawn_local(Hub::default().serve(server, clock.clone()));
            let stopped = clock.stopped();
            device.run(stopped).await.unwrap();
            hub.await.unwrap()
        })
        .await;
    let evicted = evicted.load(Ordering::Relaxed);
    println!(
        "{} connections, {} arrived, {} twice, {evicted} gave way",
        hub.connections,
        hub.messages.len(),
        hub.twice
    );
    (hub, evicted)
}

fn unbounded() -> Retention {
    Retention {
        count: usize::MAX,
        bytes: usize::MAX,
        age: Duration::from_secs(86_400),
        drain_rate: None,
        ..Retention::default()
    }
}

#[tokio::test]
async fn within_its_bounds_everything_arrives() {
    let (hub, evicted) = hour(unbounded()).await;
    assert_eq!(hub.messages.len() as u64, MESSAGES);
    assert_eq!(evicted, 0);
    assert!(hub.connections > 1);
}

#[tokio::test]
async fn what_gave_way_is_exactly_what_is_missing() {
    let bounds = [
        Retention {
            count: 200,
            ..unbounded()
        },
        Retention {
            bytes: 20_000,
            ..unbounded()
        },
        Retention {
            age: Duration::from_secs(30),
            ..unbounded()
        },
        Retention {
            count: 500,
            drain_rate: Some(20),
            ..unbounded()
        },
    ];
    for retention in bounds {
        let shown = format!("{retention:?}");
        let (hub, evicted) = hour(retention).await;
        let missing = MESSAGES - hub.messages.len() as u64;
        assert!(missing > 0, "{shown}");
        assert_eq!(evicted, missing, "{shown}");
    }
}

#[tokio::test]
async fn a_backlog_keeps_its_pace_while_new_messages_arrive_at_once() {
    const RATE: u32 = 50;
    let (hub, _) = hour(Retention {
        drain_rate: Some(RATE),
        ..unbounded()
    })
    .await;
    let created = |arrival: &Arrival| PERIOD * u32::try_from(arrival.number).unwrap();
    // Messages are made a tick after their time.
    let is_new = |arrival: &&Arrival| created(arrival) + PERIOD >= arrival.connected;
    let (new, old): (Vec<_>, Vec<_>) = hub.arrivals.iter().partition(is_new);
    // What may have arrived before comes first on each connection, new or old, and is a window at most.
    let mut on_connection: BTreeMap<Duration, usize> = BTreeMap::new();
    let after_a_window = hub.arrivals.iter().filter(|arrival| {
        let before = on_connection.entry(arrival.connected).or_default();
        *before += 1;
        *before > WINDOW
    });
    let (later_new, later_old): (Vec<_>, Vec<_>) = after_a_window.partition(is_new);
    for stream in [later_new, later_old] {
        assert!(stream.is_sorted_by_key(|arrival| (arrival.connected, arrival.number)));
    }
    let late = |arrival: &&&Arrival| arrival.at > created(arrival) + Duration::from_secs(1);
    assert_eq!(new.iter().filter(late).count(), 0);
    let mut seconds: BTreeMap<u64, u32> = BTreeMap::new();
    for arrival in &old {
        *seconds.entry(arrival.at.as_secs()).or_default() += 1;
    }
    let most = seconds.values().max().unwrap();
    // What went out without an acknowledgment goes again at once: a window.
    assert!(*most <= RATE + 5 + 32, "{most}");
}
