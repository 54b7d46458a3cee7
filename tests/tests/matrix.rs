//! Each fault at each moment of a device's life: afterwards every number has arrived, duplicates are the same messages, the
//! twin has converged, and commands are answered. Five moments of each fault are a table that `make soak` prints (`SOAK=1`);
//! otherwise each fault has one.

use std::{
    collections::VecDeque,
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use end_to_end::{Device, Events, HostCommand, PATIENCE, Process, guest};
use jiff::Timestamp;
use serde_json::Value;

/// The duration of a fault.
const DURATION: &str = "4s";
/// The most messages a broken connection may bring twice.
const WINDOW: usize = 32;
/// A device is back so soon after a short fault.
const SOON: Duration = Duration::from_secs(2);
/// Devices at a time: they mostly wait.
const AT_A_TIME: usize = 4;

/// What goes wrong.
struct Fault {
    name: &'static str,
    /// Arguments of `cloud fault`: lasting faults, then one-shot faults where connections do not notice the former.
    lasting: &'static [&'static [&'static str]],
    one_shots: &'static [&'static str],
    /// What the device takes for a person's to mend, which it is told when it is.
    refused: bool,
}

const fn lasting(
    name: &'static str,
    lasting: &'static [&'static [&'static str]],
    one_shots: &'static [&'static str],
) -> Fault {
    Fault {
        name,
        lasting,
        one_shots,
        refused: false,
    }
}

const fn refused(name: &'static str, orders: &'static [&'static [&'static str]]) -> Fault {
    Fault {
        refused: true,
        ..lasting(name, orders, &["reset"])
    }
}

const fn one_shot(name: &'static str, one_shots: &'static [&'static str]) -> Fault {
    lasting(name, &[], one_shots)
}

const FAULTS: &[Fault] = &[
    lasting("refuse", &[&["refuse"]], &["reset"]),
    lasting("tls-stall", &[&["tls-stall"]], &["reset"]),
    refused(
        "wrong-certificate",
        &[&["wrong-certificate", "--flaw", "unknown-ca"]],
    ),
    lasting("silent", &[&["silent"]], &["reset"]),
    lasting("connack 3", &[&["connack", "--code", "3"]], &["reset"]),
    refused("connack 5", &[&["connack", "--code", "5"]]),
    lasting("black-hole", &[&["black-hole"]], &[]),
    lasting(
        "black-hole --drop-connections",
        &[&["black-hole", "--drop-connections"]],
        &[],
    ),
    lasting("slow", &[&["slow", "--latency", "200ms"]], &[]),
    lasting("withhold-acks", &[&["withhold-acks"]], &[]),
    lasting("delay-acks", &[&["delay-acks", "--delay", "500ms"]], &[]),
    lasting("reorder-acks", &[&["reorder-acks"]], &[]),
    lasting("duplicate-acks", &[&["duplicate-acks"]], &[]),
    lasting(
        "refuse-subscription",
        &[&["refuse-subscription"]],
        &["reset"],
    ),
    lasting("throttle-twin", &[&["throttle-twin"]], &["reset"]),
    lasting("withhold-twin", &[&["withhold-twin"]], &["reset"]),
    lasting("oversize-twin", &[&["oversize-twin"]], &["reset"]),
    lasting("twin-race", &[&["twin-race"]], &["reset"]),
    lasting("drop-desired", &[&["drop-desired"]], &[]),
    lasting("early-method", &[&["early-method"]], &["reset"]),
    refused(
        "throttle-dps",
        &[
            &["connack", "--code", "5"],
            &["throttle-dps", "--retry-after", "1"],
        ],
    ),
    refused(
        "keep-assigning",
        &[&["connack", "--code", "5"], &["keep-assigning"]],
    ),
    refused("reassign", &[&["connack", "--code", "5"], &["reassign"]]),
    one_shot("reset", &["reset"]),
    one_shot("close", &["close"]),
    one_shot("mid-packet", &["mid-packet"]),
    one_shot("expire-token", &["expire-token"]),
    one_shot("take-over", &["take-over"]),
    one_shot("forget-sessions", &["forget-sessions", "reset"]),
    one_shot("restart-empty", &["restart-empty"]),
    one_shot("stale-desired", &["stale-desired"]),
];

/// When it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Start,
    Steady,
    Backlog,
    Swap,
    Renewal,
}

const MOMENTS: [Moment; 5] = [
    Moment::Start,
    Moment::Steady,
    Moment::Backlog,
    Moment::Swap,
    Moment::Renewal,
];

/// What came of a fault.
struct Outcome {
    /// From the end of the fault to the next message.
    back_after: Duration,
    /// Messages that came twice.
    twice: usize,
    /// Connections that ended, unasked.
    lost: u64,
}

/// A device of a cloud of its own, and the books on it.
struct Cell {
    device: Device,
    events: Events,
    host: Process,
    /// Ends of a host that was running.
    restarts: usize,
}

impl Cell {
    fn start(moment: Moment) -> Self {
        let device = Device::new();
        let events = device.cloud.events();
        let mut cell = Self {
            host: host(&device, moment).start(),
            device,
            events,
            restarts: 0,
        };
        cell.reaches(20);
        if moment == Moment::Start {
            cell.host.stop();
            cell.restarts = 1;
        }
        cell
    }

    /// Waits until this number has arrived.
    fn reaches(&mut self, number: u64) {
        self.events.find(&format!("number {number}"), |event| {
            (event["body"]["sequence"].as_u64()? >= number).then_some(())
        });
    }

    /// Waits until `host status` is as `test` wants it: for what no event tells of.
    fn until(&self, what: &str, test: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.device.status();
            if test(&status) {
                return;
            }
            assert!(Instant::now() < deadline, "not {what}: {status}");
        }
    }

    /// Brings the device to the moment before the fault.
    fn prepare(&mut self, fault: &Fault, moment: Moment) {
        match moment {
            Moment::Start | Moment::Steady | Moment::Swap => {}
            Moment::Backlog => {
                self.device.cloud.fault(&["refuse"]);
                self.device.cloud.fault(&["reset"]);
                self.until("away for long enough", |status| {
                    status["outbox"]["messages"].as_u64() > Some(300)
                });
                self.device.cloud.fault(&["refuse", "off"]);
                self.device.operate(&["reconnect"]);
                self.events.next("fault-ended");
                self.events.next("telemetry");
            }
            // A one-shot fault is too short to wait in.
            Moment::Renewal if fault.lasting.is_empty() => {
                self.host.stderr.wait_for("SAS token renewal due");
            }
            Moment::Renewal => self.until("about to renew its token", |status| {
                let left = status["connection"]["tokenExpiresMs"].as_f64();
                left.is_some_and(|left| left < 6000.0)
            }),
        }
    }

    /// Lets it go wrong, and returns when that was over.
    fn suffer(&mut self, fault: &Fault, moment: Moment) -> Timestamp {
        for order in fault.lasting {
            self.device
                .cloud
                .fault(&[*order, &["--duration", DURATION]].concat());
        }
        if moment == Moment::Start {
            self.host = host(&self.device, moment).start();
        }
        let mut call = self.device.cloud.begin(&[
            "call",
            "echo",
            "1",
            "--timeout",
            "5",
            "--connect-timeout",
            "3",
        ]);
        for one_shot in fault.one_shots {
            self.device.cloud.fault(&[*one_shot]);
        }
        self.device
            .cloud
            .operate(&["set", "--no-wait", "goal", "1"]);
        if moment == Moment::Swap {
            let next = self.device.version(&guest("sequence"), 1);
            self.device.swaps(&next, &[]);
        }
        let mut over = Timestamp::UNIX_EPOCH;
        for _ in fault.lasting {
            over = enqueued(&self.events.next("fault-ended"));
        }
        for _ in fault.one_shots.iter().filter(|_| fault.lasting.is_empty()) {
            over = enqueued(&self.events.next("fault-triggered"));
        }
        if fault.refused {
            over = Timestamp::now();
            self.device.operate(&["reconnect"]);
        }
        // Answered or not, whoever called knows within their own time-out.
        let code = call.wait().code();
        assert!(code == Some(0) || code == Some(1), "{code:?}");
        over
    }

    /// Everything goes on, and nothing is missing.
    fn goes_on(mut self, fault: &Fault, over: Timestamp) -> Outcome {
        let next = self.events.find("a message after it", |event| {
            let later = event["type"] == "telemetry" && enqueued(event) >= over;
            later.then(|| enqueued(event))
        });
        let back_after = next.duration_since(over).unsigned_abs();
        let settled = self.device.cloud.set(&["settled", "2", "--timeout", "45"]);
        assert_eq!(settled["ac"], 200, "{settled}");
        let twin = self.device.cloud.twin();
        let goal = &twin["properties"]["reported"]["goal"];
        assert!(
            goal["ac"] == 200 || fault.name == "restart-empty",
            "the twin has converged: {twin}"
        );
        let count = self.device.cloud.call(&["count"]).payload.as_u64();
        let numbers = self.events.numbers(count.expect("a number") + 20);
        let status = self.device.status();
        let lost = status["connection"]["disconnects"]
            .as_object()
            .expect("counts");
        let lost = lost.values().filter_map(Value::as_u64).sum();
        let ends = usize::try_from(lost).expect("few") + self.restarts;
        assert!(
            numbers.twice <= WINDOW * ends,
            "{}: {status}",
            numbers.twice
        );
        assert_eq!(self.host.stop(), Some(0));
        Outcome {
            back_after,
            twice: numbers.twice,
            lost,
        }
    }
}

fn host(device: &Device, moment: Moment) -> HostCommand {
    let token_life = match moment {
        Moment::Renewal => "20s",
        _ => "1h",
    };
    device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .env("HOST_KEEP_ALIVE", "2s")
        .env("HOST_SAS_TOKEN_TTL", token_life)
        .env("HOST_DRAIN_RATE", "100")
}

/// When the cloud had an event.
fn enqueued(event: &Value) -> Timestamp {
    let time = event["enqueued"].as_str().expect("a time");
    time.parse().expect("it is one")
}

fn outcome(fault: &Fault, moment: Moment) -> Outcome {
    let mut cell = Cell::start(moment);
    cell.prepare(fault, moment);
    let over = cell.suffer(fault, moment);
    cell.goes_on(fault, over)
}

/// Whether this fault is tried at this moment.
fn is_chosen(number: usize, moment: usize) -> bool {
    std::env::var_os("SOAK").is_some() || number % MOMENTS.len() == moment
}

#[test]
fn whatever_goes_wrong_whenever_everything_accepted_arrives_and_the_device_goes_on() {
    let only = std::env::var("MATRIX").ok();
    let mut cells = VecDeque::new();
    for (number, fault) in FAULTS.iter().enumerate() {
        for (place, moment) in MOMENTS.into_iter().enumerate() {
            let named = only.as_deref().is_none_or(|only| only == fault.name);
            if named && (only.is_some() || is_chosen(number, place)) {
                cells.push_back((fault, moment));
            }
        }
    }
    let (cells, results) = (Mutex::new(cells), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some((fault, moment)) = next(&cells) {
                    let tried = AssertUnwindSafe(|| outcome(fault, moment));
                    let result = catch_unwind(tried).ok();
                    let line = told(fault, moment, result.as_ref());
                    println!("{line}");
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((fault.name, moment, result));
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", table(&results));
    let failed: Vec<_> = results
        .iter()
        .filter(|(.., result)| result.is_none())
        .map(|(name, moment, _)| format!("{name} at {moment:?}"))
        .collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

fn next<'a>(cells: &Mutex<VecDeque<(&'a Fault, Moment)>>) -> Option<(&'a Fault, Moment)> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    cells.pop_front()
}

fn told(fault: &Fault, moment: Moment, result: Option<&Outcome>) -> String {
    let name = fault.name;
    match result {
        Some(outcome) => format!("{name} at {moment:?}: {}", cell(outcome)),
        None => format!("{name} at {moment:?}: FAILED"),
    }
}

fn cell(outcome: &Outcome) -> String {
    let seconds = outcome.back_after.as_secs_f64();
    let late = if outcome.back_after > SOON {
        " late"
    } else {
        ""
    };
    format!(
        "{seconds:.1} s{late}, {}×, {} twice",
        outcome.lost, outcome.twice
    )
}

/// Seconds from the end of the fault to the next message, connections lost, messages that came twice.
fn table(results: &[(&str, Moment, Option<Outcome>)]) -> String {
    let mut text = format!("\n| {:<20} |", "fault");
    for moment in MOMENTS {
        let _ = write!(text, " {:<24} |", format!("{moment:?}"));
    }
    for fault in FAULTS {
        let of_fault: Vec<_> = results
            .iter()
            .filter(|(name, ..)| *name == fault.name)
            .collect();
        if of_fault.is_empty() {
            continue;
        }
        let _ = write!(text, "\n| {:<20} |", fault.name);
        for moment in MOMENTS {
            let found = of_fault.iter().find(|(_, at, _)| *at == moment);
            let shown = match found {
                Some((.., Some(outcome))) => cell(outcome),
                Some((.., None)) => "FAILED".to_owned(),
                None => String::new(),
            };
            let _ = write!(text, " {shown:<24} |");
        }
    }
    let all: Vec<_> = results.iter().filter_map(|(.., it)| it.as_ref()).collect();
    let soon = all.iter().filter(|it| it.back_after <= SOON).count();
    let _ = write!(
        text,
        "\nback within {} s of the end of a fault of {DURATION}: {soon} of {}\n",
        SOON.as_secs(),
        all.len()
    );
    text
}
