//! A storm: kills, swaps, bad swaps, cuts, lost sessions, withheld acknowledgments, messages, desired changes and commands at
//! random. After each round of it nothing is lost but what a rollback undoes and says. `SOAK=1` makes a hundred rounds;
//! `SEED=…`, as printed, makes the same choices again.

mod actions;
mod history;

use std::{
    env, thread,
    time::{Duration, Instant},
};

use actions::ACTIONS;
use end_to_end::{Books, Device, Events, Moments, PATIENCE, Process, Record};
use history::Undone;
use serde_json::{Value, json};

/// Rounds of the short version, and of the long one.
const ROUNDS: (u32, u32) = (10, 100);
/// Actions of a round.
const ACTIONS_IN_A_ROUND: usize = 15;
/// The longest pause between two actions, in milliseconds. A version is accepted or withdrawn after a few of them.
const LONGEST_PAUSE: u64 = 600;

struct Storm {
    device: Device,
    events: Events,
    moments: Moments,
    began: Instant,
    host: Process,
    /// Operators' commands that are under way.
    pending: Vec<Process>,
    /// Number of the last version.
    version: u32,
    /// Number of the last message to the device.
    sent: u64,
    /// Number of the last desired change.
    desired: u64,
    books: Books,
    undone: Undone,
}

impl Storm {
    fn begin() -> Self {
        let device = Device::new();
        device.storm("none", 0);
        let mut host = actions::host(&device).start();
        host.stdout.wait_for("Listening");
        Self {
            events: device.cloud.events(),
            moments: Moments::new(),
            began: Instant::now(),
            host,
            pending: Vec::new(),
            version: 0,
            sent: 0,
            desired: 0,
            books: Books::default(),
            undone: Undone::default(),
            device,
        }
    }

    /// Shown with a failure, so that the order of events can be told.
    fn tell(&self, what: &str) {
        println!("{:8.3} {what}", self.began.elapsed().as_secs_f64());
    }

    fn blow(&mut self) {
        for _ in 0..ACTIONS_IN_A_ROUND {
            let weights: u64 = ACTIONS.iter().map(|(weight, _)| weight).sum();
            let mut chosen = self.moments.below(weights);
            let action = ACTIONS.iter().find(|(weight, _)| {
                let is_it = chosen < *weight;
                chosen = chosen.saturating_sub(*weight);
                is_it
            });
            let (_, action) = action.expect("a number below the sum of the weights");
            action(self);
            let pause = self.moments.below(LONGEST_PAUSE);
            thread::sleep(Duration::from_millis(pause));
        }
    }

    /// Asks again and again until there is an answer: for what no event tells of.
    ///
    /// # Panics
    /// There is none in time.
    fn until<T>(&mut self, what: &str, mut ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(Instant::now() < deadline, "not {what}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends what goes wrong, and waits until the last swap is decided.
    fn calm(&mut self) -> Value {
        self.tell("calm");
        self.device.cloud.operate(&["fault", "clear"]);
        for mut pending in std::mem::take(&mut self.pending) {
            pending.wait();
        }
        self.device.operate(&["reconnect"]);
        self.decided()
    }

    /// Waits until the version on probation, if there is one, is accepted or rolled back.
    fn decided(&mut self) -> Value {
        self.until("accepted or rolled back", |storm| {
            let answer = storm.device.operate(&["status", "--json"]);
            let status: Value = serde_json::from_str(&answer.stdout).ok()?;
            (status["state"] == "accepted").then_some(status)
        })
    }

    /// The record, as the component answers it.
    fn record(&mut self) -> Option<Record> {
        let call = ["call", "state", "--json", "--connect-timeout", "30"];
        let answer = self.device.cloud.operate(&call);
        let reply: Value = serde_json::from_str(&answer.stdout).ok()?;
        (reply["status"] == 200).then(|| Record::of(&reply["payload"]))
    }

    /// Checks that nothing is missing.
    fn check(&mut self) {
        let status = self.calm();
        self.converges();
        let all = match self.sent {
            0 => json!([]),
            sent => json!([[1, sent]]),
        };
        self.tell(&format!("messages {all}"));
        let mut last = Value::Null;
        self.until("all messages counted", |storm| {
            last = storm.record()?.messages;
            (last == all).then_some(())
        });
        let record = self.until("a command answered", Self::record);
        self.tell(&format!(
            "{} numbers in {} runs",
            record.count,
            record.runs.len()
        ));
        self.books.complete(&mut self.events, &record);
        self.undone.note(&self.device.history());
        let evicted = status["outbox"]["evicted"].as_u64().expect("a count");
        let missing = self.books.missing_of_withdrawn(&record);
        assert!(
            missing <= self.undone.dropped + evicted,
            "{missing} of withdrawn versions are missing, {:?} and {evicted} evicted are told",
            self.undone
        );
    }

    /// Checks that the desired properties are applied and reported, the last one under the last `$version`.
    fn converges(&mut self) {
        self.desired += 1;
        let number = self.desired.to_string();
        let last = self.device.cloud.set(&["settled", &number]);
        assert_eq!(last["ac"], 200, "{last}");
        let converged = |storm: &mut Self| {
            let twin = storm.device.cloud.twin();
            let [desired, reported] = ["desired", "reported"].map(|of| &twin["properties"][of]);
            let names = desired
                .as_object()?
                .keys()
                .filter(|name| !name.starts_with('$'));
            let is_applied = |name: &String| {
                reported[name]["value"] == desired[name] && reported[name]["ac"] == 200
            };
            let is_last = reported["settled"]["av"] == desired["$version"];
            (names.into_iter().all(is_applied) && is_last).then_some(())
        };
        self.until("a converged twin", converged);
    }
}

#[test]
fn in_a_storm_nothing_is_lost_but_what_a_rollback_undoes_and_says() {
    let rounds = match env::var_os("SOAK") {
        Some(_) => ROUNDS.1,
        None => ROUNDS.0,
    };
    let mut storm = Storm::begin();
    for round in 1..=rounds {
        storm.tell(&format!("round {round}"));
        storm.blow();
        storm.check();
    }
    println!(
        "{rounds} rounds in {:?}: {} numbers came twice, {} messages, {:?}",
        storm.began.elapsed(),
        storm.books.twice,
        storm.sent,
        storm.undone
    );
    // So many rounds see both.
    assert!(storm.undone.accepted > 0 && storm.undone.rolled_back > 0);
    assert_eq!(storm.host.stop(), Some(0));
}
