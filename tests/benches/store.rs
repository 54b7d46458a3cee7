//! What the store costs: telemetry a second with it, without it, and of the connection alone; and what reaches the disk.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use end_to_end::Cloud;
use host::{
    clock::{Clock, SystemClock},
    contract::{
        behaviour::{
            Answer, Behaviour, CallFailure, Description, Event, Instance, InstanceContext, Outcome,
            Start,
        },
        effect::{Effect, Schedule},
    },
    device::{ConnectionConfig, Device, DeviceConfig, DeviceEvent, Identity},
    guest::Limits,
    hub::{message::TelemetryMessage, topic},
    mqtt::{
        Connect, Delivery, Endpoint, Incoming, Link, Transport, connector::Connector,
        trust_roots::TrustRoots,
    },
    provision::{
        self,
        dps::{Assignment, Registration},
        sas::SymmetricKey,
    },
    store::{
        Backend, Database, DeviceStore, MemoryBackend, PersistedState, Retention, StateDir,
        batch::{Batch, TimerChange},
        outbox::Outgoing,
        writer::{Disk, DiskError, Reopened, Rows, Store},
    },
};
use tokio::{runtime::Runtime, sync::Notify};

/// Messages of one measurement, and messages of one tick.
const MESSAGES: u64 = 20_000;
const BURST: u64 = 100;
/// Messages on their way at a time, as many as the session has.
const IN_FLIGHT: u64 = 32;
const BODY: &str = "{\"temperature\":21.3}";
const MODEL: &str = "dtmi:com:example:Thermostat;1";
/// A thermostat's record after a year, in bytes.
const RECORD: usize = 2700;

/// Sends a burst with each tick, and counts in its record.
#[derive(Clone)]
struct Bursts(Description);

struct Running(u64);

fn outcome(count: u64, effects: Vec<Effect>) -> Outcome {
    Outcome {
        answer: Answer::None,
        effects,
        record: count.to_string(),
    }
}

impl Behaviour for Bursts {
    type Instance = Running;

    fn description(&self) -> &Description {
        &self.0
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
        let every = Schedule::Every(Duration::from_millis(1));
        let timer = Effect::SetTimer("burst".to_owned(), every);
        async move { Ok((Running(0), outcome(0, vec![timer]))) }
    }
}

impl Instance for Running {
    async fn handle(mut self, _: Event) -> Result<(Self, Outcome), CallFailure> {
        let left = MESSAGES.saturating_sub(self.0);
        let effects = (0..left.min(BURST))
            .map(|_| Effect::Telemetry(message()))
            .collect();
        self.0 += BURST;
        let outcome = outcome(self.0, effects);
        Ok((self, outcome))
    }

    fn memory(&self) -> usize {
        0
    }
}

fn message() -> TelemetryMessage {
    TelemetryMessage {
        id: TelemetryMessage::new_id(),
        created: jiff::Timestamp::now(),
        component: None,
        content_type: "application/json".to_owned(),
        content_encoding: "utf-8".to_owned(),
        properties: vec![],
        body: BODY.into(),
    }
}

/// A device of the cloud, and how to reach it.
struct Place {
    assignment: Assignment,
    key: SymmetricKey,
    transport: Connector,
}

async fn place(cloud: &Cloud, id: &str) -> Place {
    let variables = cloud.enroll(&[id]);
    let variable = |name: &str| {
        let found = variables.iter().find(|(variable, _)| variable == name);
        found.unwrap().1.clone()
    };
    let key = SymmetricKey::parse(&variable("IOTHUB_DEVICE_DPS_DEVICE_KEY")).unwrap();
    let trust_roots = TrustRoots::read(Some(&cloud.certificate())).unwrap();
    let mut transport = Connector::new(trust_roots);
    let registration = Registration {
        endpoint: Endpoint::parse(&variable("IOTHUB_DEVICE_DPS_ENDPOINT")).unwrap(),
        id_scope: variable("IOTHUB_DEVICE_DPS_ID_SCOPE"),
        registration_id: id.to_owned(),
        key: key.clone(),
    };
    let clock = SystemClock::new();
    let assignment = provision::register(&mut transport, &clock, &registration, MODEL).await;
    Place {
        assignment: assignment.unwrap(),
        key,
        transport,
    }
}

/// Limits that do not slow a timer down.
fn unlimited() -> Limits {
    Limits {
        calls: None,
        messages: None,
        commit: None,
        ..Limits::default()
    }
}

/// Messages a second of a device whose batches go to this backend.
async fn through_the_host(place: &Place, backend: Box<dyn Backend>) -> f64 {
    let (sent, all) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let (count, done) = (sent.clone(), all.clone());
    let clock = Arc::new(SystemClock::new());
    let retention = Retention {
        drain_rate: None,
        ..Retention::default()
    };
    let device = Device::new(DeviceConfig {
        name: place.assignment.device_id.as_str().into(),
        behaviour: Bursts(Description {
            name: "bursts".into(),
            version: "1".into(),
            model_id: MODEL.into(),
        }),
        settings: [].into(),
        identity: Identity::Hub {
            assignment: place.assignment.clone(),
            key: place.key.clone(),
        },
        transport: place.transport.clone(),
        connection: ConnectionConfig::default(),
        store: DeviceStore::new(backend, PersistedState::default(), retention, &*clock),
        clock,
        seed: None,
        swap: host::swap::SwapConfig::default(),
        limits: Arc::new(unlimited()),
        observer: Arc::new(move |milestone| {
            if milestone == DeviceEvent::Sent
                && count.fetch_add(1, Ordering::Relaxed) + 1 == MESSAGES
            {
                done.notify_one();
            }
        }),
    });
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(device.run(async {
        // Dropped or sent: both are the end.
        let _ = ended.await;
    }));
    let begun = Instant::now();
    all.notified().await;
    let took = begun.elapsed();
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
    MESSAGES as f64 / took.as_secs_f64()
}

/// Messages a second of the connection alone, with as many on their way.
async fn through_the_connection(place: &Place) -> f64 {
    let Assignment { hub, device_id } = &place.assignment;
    let expiry = SystemClock::new().now() + Duration::from_secs(3600);
    let resource = format!("{hub}/devices/{device_id}");
    let connect = Connect {
        endpoint: Endpoint::parse(hub).unwrap(),
        client_id: device_id.clone(),
        username: topic::username(hub, device_id, MODEL),
        password: place.key.token(&resource, expiry, None),
        keep_alive: Duration::from_secs(60),
    };
    let mut link = place.transport.clone().connect(&connect).await.unwrap();
    let begun = Instant::now();
    let (mut published, mut acknowledged) = (0, 0);
    while acknowledged < MESSAGES {
        while published < MESSAGES.min(acknowledged + IN_FLIGHT) {
            let delivery = Delivery::AtLeastOnce(published);
            let topic = message().topic(device_id);
            link.publish(topic, BODY.into(), delivery).unwrap();
            published += 1;
        }
        if let Incoming::Acknowledged(_) = link.next().await.unwrap() {
            acknowledged += 1;
        }
    }
    let took = begun.elapsed();
    link.disconnect().await;
    MESSAGES as f64 / took.as_secs_f64()
}

fn throughput(runtime: &Runtime) {
    let cloud = Cloud::start();
    let dir = tempfile::tempdir().unwrap();
    let (bare, memory, redb) = runtime.block_on(async {
        let place = place(&cloud, "bench-1").await;
        through_the_connection(&place).await;
        let bare = through_the_connection(&place).await;
        let memory = through_the_host(&place, Box::new(MemoryBackend::default())).await;
        let mut store = Store::open(StateDir::open(&dir.path().join("state")).unwrap()).unwrap();
        let (_, backend) = store.device(&"bench-1".into());
        let redb = through_the_host(&place, backend).await;
        (bare, memory, redb)
    });
    println!("telemetry acknowledged by the cloud over TLS, 32 on their way at a time");
    println!("{:<44}{bare:>10.0} /s", "the connection alone (baseline)");
    println!(
        "{:<44}{memory:>10.0} /s, ratio {:.2}",
        "host, state in memory",
        memory / bare
    );
    println!(
        "{:<44}{redb:>10.0} /s, ratio {:.2}",
        "host, every batch synced to disk",
        redb / bare
    );
    goal(
        "memory at least half of the connection alone",
        memory / bare >= 0.5,
    );
    goal("disk at least a quarter of memory", redb / memory >= 0.25);
}

fn goal(what: &str, reached: bool) {
    println!("goal: {what}: {}", if reached { "pass" } else { "miss" });
}

/// A database that counts its groups, each of which is one sync.
struct Counting(Database, Arc<AtomicU64>);

impl Disk for Counting {
    fn write(&mut self, rows: &Rows) -> Result<(), DiskError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.write(rows)
    }

    fn reopen(&mut self) -> Result<Reopened, DiskError> {
        self.0.reopen()
    }

    fn check(&mut self) -> Result<(), DiskError> {
        self.0.check()
    }

    fn compact(&mut self) -> Result<bool, DiskError> {
        self.0.compact()
    }
}

/// Bytes this process has caused to be written.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// A batch as a thermostat's tick makes it.
fn tick(number: u64) -> Batch {
    Batch {
        record: Some(format!(
            "{{\"n\":{number},\"history\":\"{}\"}}",
            "x".repeat(RECORD)
        )),
        outgoing: vec![Outgoing::Telemetry(message())],
        timers: vec![TimerChange::Set(
            "sample".to_owned(),
            Schedule::Every(Duration::from_secs(8)),
        )],
        ..Batch::default()
    }
}

/// Devices that each commit a batch a second, spread over it.
async fn batches(devices: usize, dir: &Path) {
    const SECONDS: u32 = 5;
    let groups = Arc::new(AtomicU64::new(0));
    let (database, contents) = Database::open(StateDir::open(dir).unwrap()).unwrap();
    let mut store = Store::on(Counting(database, groups.clone()), contents);
    let clock = SystemClock::new();
    let mut stores: Vec<_> = (0..devices)
        .map(|number| {
            let (kept, backend) = store.device(&format!("device-{number:04}").into());
            DeviceStore::new(backend, kept, Retention::default(), &clock)
        })
        .collect();
    let (before, begun) = (written(), Instant::now());
    let mut pause = tokio::time::interval(Duration::from_secs(1) / devices as u32);
    for number in 0..u64::from(SECONDS) {
        for device in &mut stores {
            pause.tick().await;
            device.commit(tick(number), &clock);
        }
    }
    for device in &mut stores {
        device.flush(&clock).await;
    }
    let took = begun.elapsed().as_secs_f64();
    let (bytes, groups) = (written() - before, groups.load(Ordering::Relaxed));
    let batches = devices as u64 * u64::from(SECONDS);
    println!(
        "{devices:>5} devices, {:>6.0} batches/s: {:>7} bytes written a batch, {:>5.0} syncs/s",
        batches as f64 / took,
        bytes / batches,
        groups as f64 / took
    );
}

/// From the commit of a batch until it is on disk.
async fn latency(dir: &Path) {
    const BATCHES: u64 = 2000;
    let mut store = Store::open(StateDir::open(dir).unwrap()).unwrap();
    let clock = SystemClock::new();
    let (kept, backend) = store.device(&"device".into());
    let mut device = DeviceStore::new(backend, kept, Retention::default(), &clock);
    let mut took = Vec::new();
    for number in 0..BATCHES {
        let begun = Instant::now();
        device.commit(tick(number), &clock);
        device.flush(&clock).await;
        took.push(begun.elapsed());
    }
    took.sort();
    println!(
        "from commit to disk, two syncs: p50 {:.2?}, p99 {:.2?}",
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
}

fn main() {
    let runtime = Runtime::new().unwrap();
    throughput(&runtime);
    println!(
        "batches of a record of {RECORD} bytes, a timer and a message, one a second and device"
    );
    let dir = tempfile::tempdir().unwrap();
    for devices in [1, 100, 1000] {
        runtime.block_on(batches(devices, &dir.path().join(devices.to_string())));
    }
    runtime.block_on(latency(&dir.path().join("latency")));
}
