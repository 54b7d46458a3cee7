//! Shows what it is only after a while. Proves that a check runs a component as a device does, and for long enough.
//!
//! | setting | what it does |
//! |---|---|
//! | `period=5ms` | sends telemetry at this period; without it there is no timer |
//! | `leak=1000` | keeps so many bytes more with each event |
//! | `trap-at=1234` | aborts in the event of this number |
//! | `clock=used` | fails at a monotonic time of zero, and waits a millisecond in `init`, as runtimes do |
#![cfg(target_family = "wasm")]

use serde_json::json;
use test_guests::{
    Command, Device, Reply, Start, clock, hub, millis, reply, run_timer, setting, telemetry,
};

struct OverTime {
    events: u64,
    leak: usize,
    trap_at: u64,
    kept: Vec<Vec<u8>>,
}

impl OverTime {
    fn event(&mut self) {
        self.events += 1;
        if self.leak > 0 {
            self.kept.push(vec![1; self.leak]);
        }
        if self.events == self.trap_at {
            std::process::abort();
        }
    }
}

impl Device for OverTime {
    const NAME: &'static str = "over-time";

    fn init(start: Start) -> Result<Self, String> {
        if setting(&start, "clock").is_some() {
            let began = clock::monotonic();
            if began == 0.0 {
                return Err("the monotonic time is zero".to_owned());
            }
            while clock::monotonic() - began < 1.0 {}
        }
        if let Some(period) = millis(&start, "period")? {
            run_timer(&start, "telemetry", period)?;
        }
        let number = |name| setting(&start, name).and_then(|value| value.parse::<u32>().ok());
        Ok(Self {
            events: 0,
            leak: number("leak").unwrap_or(0) as usize,
            trap_at: number("trap-at").unwrap_or(0).into(),
            kept: Vec::new(),
        })
    }

    fn on_timer(&mut self, _name: String) -> Result<(), String> {
        self.event();
        hub::send_telemetry(&telemetry(None, &json!({ "event": self.events })))
            .map_err(|error| error.to_string())
    }

    fn on_command(&mut self, _command: Command) -> Result<Reply, String> {
        self.event();
        Ok(reply(404, None))
    }
}

test_guests::device!(OverTime);
