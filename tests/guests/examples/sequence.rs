//! Never fails, and counts. Proves that nothing accepted is lost or sent twice: telemetry `{"sequence": n}` with every
//! timer event, n counted in its record from 1 on.
//!
//! Setting `interval` (`20ms`). Command `count` answers how many were sent, `echo` its own request, and `send` with a
//! number sends so many at once, answering how many the host took. Desired properties are accepted.
#![cfg(target_family = "wasm")]

use serde_json::{Value, json};
use test_guests::{
    Command, Device, Reply, Start, hub, millis, object, recorded, reply, run_timer, telemetry,
};

struct Sequence {
    count: u64,
}

impl Sequence {
    /// Sends the next number. One that the host rejects is not counted.
    fn send(&mut self) -> bool {
        let taken =
            hub::send_telemetry(&telemetry(None, &json!({ "sequence": self.count + 1 }))).is_ok();
        self.count += u64::from(taken);
        taken
    }
}

impl Device for Sequence {
    const NAME: &'static str = "sequence";

    fn init(start: Start) -> Result<Self, String> {
        if let Some(record) = &start.last_record
            && object(record)?.get("schema") != Some(&json!(1))
        {
            return Err("the record does not have schema 1".to_owned());
        }
        run_timer(
            &start,
            "sequence",
            millis(&start, "interval")?.unwrap_or(20),
        )?;
        Ok(Self {
            count: recorded(&start, "count"),
        })
    }

    fn on_timer(&mut self, _name: String) -> Result<(), String> {
        self.send();
        Ok(())
    }

    fn on_command(&mut self, command: Command) -> Result<Reply, String> {
        Ok(match command.name.as_str() {
            "count" => reply(200, Some(json!(self.count))),
            "echo" => Reply {
                status: 200,
                payload: command.payload,
            },
            "send" => match command.payload.as_deref().map(str::parse::<u32>) {
                Some(Ok(wanted)) => reply(
                    200,
                    Some(json!((0..wanted).take_while(|_| self.send()).count())),
                ),
                _ => reply(400, Some(Value::from("expected a number of messages"))),
            },
            _ => reply(404, None),
        })
    }

    fn save(&mut self) -> Result<String, String> {
        Ok(json!({ "schema": 1, "count": self.count }).to_string())
    }
}

test_guests::device!(Sequence);
