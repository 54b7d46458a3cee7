//! Many devices of one process lose their hub together: all come back, no faster than the hub takes them, and nothing is lost.
//! `SOAK=1` takes a thousand.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use end_to_end::{Cloud, Events};
use host::{
    clock::SystemClock,
    contract::{
        behaviour::{
            Answer, Behaviour, CallFailure, Description, Event, Instance, InstanceContext, Outcome,
            Start,
        },
        effect::{Effect, Schedule},
    },
    device::{ConnectionConfig, Device, DeviceConfig, Identity},
    hub::{connect_rate_limit::ConnectRateLimit, message::TelemetryMessage},
    mqtt::{Endpoint, connector::Connector, trust_roots::TrustRoots},
    provision::{dps::Registration, sas::SymmetricKey},
    store::{DeviceStore, MemoryBackend, PersistedState, Retention},
};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;
use tokio::{runtime::Builder, sync::watch, task::JoinSet};

/// Devices in the short test and in the long one.
const DEVICES: (usize, usize) = (200, 1000);
/// Between two messages of a device.
const PERIOD: Duration = Duration::from_secs(2);
/// How long the hub is away.
const AWAY: &str = "3s";

/// Sends its numbers until it is told to stop.
#[derive(Clone)]
struct Numbers {
    description: Description,
    count: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
}

impl Numbers {
    fn outcome(&self, effects: Vec<Effect>) -> Outcome {
        Outcome {
            answer: Answer::None,
            effects,
            record: self.count.load(Ordering::SeqCst).to_string(),
        }
    }
}

impl Behaviour for Numbers {
    type Instance = Self;

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
    ) -> impl Future<Output = Result<(Self, Outcome), CallFailure>> + Send + 'static {
        let timer = Effect::SetTimer("tick".to_owned(), Schedule::Every(PERIOD));
        let started = (self.clone(), self.outcome(vec![timer]));
        async move { Ok(started) }
    }
}

impl Instance for Numbers {
    async fn handle(self, _: Event) -> Result<(Self, Outcome), CallFailure> {
        let mut effects = vec![];
        if !self.stopped.load(Ordering::SeqCst) {
            let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
            effects.push(Effect::Telemetry(message(number)));
        }
        let outcome = self.outcome(effects);
        Ok((self, outcome))
    }

    fn memory(&self) -> usize {
        0
    }
}

fn message(number: u64) -> TelemetryMessage {
    TelemetryMessage {
        id: TelemetryMessage::new_id(),
        created: jiff::Timestamp::now(),
        component: None,
        content_type: "application/json".to_owned(),
        content_encoding: "utf-8".to_owned(),
        properties: vec![],
        body: format!("{{\"number\":{number}}}").into(),
    }
}

/// What all devices share.
struct Site {
    transport: Connector,
    endpoint: Endpoint,
    id_scope: String,
    key: SymmetricKey,
    connect_rate_limit: Arc<ConnectRateLimit>,
    clock: Arc<SystemClock>,
    stopped: Arc<AtomicBool>,
}

impl Site {
    fn of(cloud: &Cloud) -> Self {
        let running = cloud.running();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let group = cloud.dps_settings();
        let trust_roots = TrustRoots::read(Some(&cloud.certificate())).expect("a certificate");
        Self {
            transport: Connector::new(trust_roots),
            endpoint: Endpoint::parse(&text(&running["dpsName"])).expect("a name"),
            id_scope: text(&running["idScope"]),
            key: SymmetricKey::parse(&text(&group["defaultGroup"]["primaryKey"])).expect("a key"),
            connect_rate_limit: Arc::default(),
            clock: Arc::new(SystemClock::new()),
            stopped: Arc::default(),
        }
    }

    fn device(&self, name: &str, count: Arc<AtomicU64>) -> Device<Numbers, Connector> {
        let behaviour = Numbers {
            description: Description {
                name: "numbers".into(),
                version: "1".into(),
                model_id: "dtmi:com:example:Thermostat;1".into(),
            },
            count,
            stopped: self.stopped.clone(),
        };
        let backend = Box::new(MemoryBackend::default());
        let clock = self.clock.clone();
        Device::new(DeviceConfig {
            name: name.into(),
            behaviour,
            settings: [].into(),
            identity: Identity::Dps(Registration {
                endpoint: self.endpoint.clone(),
                id_scope: self.id_scope.clone(),
                registration_id: name.to_owned(),
                key: self.key.derive(name),
            }),
            transport: self.transport.clone(),
            connection: ConnectionConfig {
                connect_rate_limit: self.connect_rate_limit.clone(),
                ..ConnectionConfig::default()
            },
            store: DeviceStore::new(
                backend,
                PersistedState::default(),
                Retention::default(),
                &*clock,
            ),
            clock,
            seed: None,
            swap: host::swap::SwapConfig::default(),
            limits: Arc::default(),
            observer: Arc::new(|_| {}),
        })
    }
}

/// Waits until each device has connected once more, and returns the times at which they did, in seconds.
fn connected(events: &mut Events, devices: usize) -> Vec<f64> {
    let mut seen = BTreeSet::new();
    let mut times = Vec::new();
    while seen.len() < devices {
        let event = events.next("connected");
        let time: jiff::Timestamp = event["enqueued"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("one");
        times.push(time.as_duration().as_secs_f64());
        seen.insert(event["device"].as_str().expect("an id").to_owned());
    }
    times
}

/// The most within one second.
fn most_a_second(times: &[f64]) -> usize {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let within = |(place, first): (usize, &f64)| {
        let later = times[place..].iter();
        later.take_while(|time| **time < first + 1.0).count()
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

/// Waits until all numbers of all devices have arrived.
fn all_arrive(events: &mut Events, counts: &[(String, Arc<AtomicU64>)]) -> usize {
    let mut missing: BTreeMap<_, _> = counts
        .iter()
        .map(|(name, count)| {
            (
                name.clone(),
                BTreeSet::from_iter(1..=count.load(Ordering::SeqCst)),
            )
        })
        .collect();
    let mut left: usize = missing.values().map(BTreeSet::len).sum();
    let all = left;
    events.search_anew();
    events.find("all numbers of all devices", |event| {
        let number = event["body"]["number"].as_u64()?;
        let of_device = missing.get_mut(event["device"].as_str()?)?;
        left -= usize::from(of_device.remove(&number));
        (left == 0).then_some(())
    });
    all
}

#[test]
fn many_devices_that_lose_their_hub_together_come_back_in_turn_and_lose_nothing() {
    let devices = match env::var_os("SOAK") {
        Some(_) => DEVICES.1,
        None => DEVICES.0,
    };
    // Two sockets each, here and in the cloud that is started from here.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).expect("it may be raised to its maximum");
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let site = Site::of(&cloud);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads");
    let (end, ended) = watch::channel(false);
    let mut running = JoinSet::new();
    let counts: Vec<_> = (0..devices)
        .map(|number| (format!("d-{number}"), Arc::new(AtomicU64::new(0))))
        .collect();
    for (name, count) in &counts {
        let mut ended = ended.clone();
        let device = site.device(name, count.clone()).run(async move {
            // Dropped or told: both are the end.
            let _ = ended.wait_for(|ended| *ended).await;
        });
        running.spawn_on(device, runtime.handle());
    }
    let first = connected(&mut events, devices);

    cloud.fault(&["refuse", "--duration", AWAY]);
    cloud.fault(&["restart-empty"]);
    events.next("fault-ended");
    let back = Instant::now();
    let again = connected(&mut events, devices);
    println!(
        "{devices} devices back {:.1} s after their hub; at most {} connections a second at first, {} then",
        back.elapsed().as_secs_f64(),
        most_a_second(&first),
        most_a_second(&again)
    );
    site.stopped.store(true, Ordering::SeqCst);
    let numbers = all_arrive(&mut events, &counts);
    println!("{numbers} numbers, none missing");
    // Turns are handed out evenly; on a busy machine some are late, and then meet the next ones.
    let most = ConnectRateLimit::PER_SECOND as usize * 2;
    assert!(most_a_second(&first) <= most && most_a_second(&again) <= most);
    end.send_replace(true);
    runtime.block_on(async {
        while let Some(device) = running.join_next().await {
            device.expect("no panic").expect("no refusal");
        }
    });
}
