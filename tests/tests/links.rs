//! A link that breaks: whatever becomes of it, every number the component counted arrives, and the device goes on.

use end_to_end::{Cloud, Events, HostCommand, Process, guest};

/// The most messages a broken connection may bring twice.
const WINDOW: usize = 32;

/// A device that sends numbers, and counts them in its record.
struct Device {
    cloud: Cloud,
    events: Events,
    host: Process,
}

impl Device {
    /// It sends a number every 20 ms.
    fn start() -> Self {
        let mut device = Self::with_interval("20ms");
        device.reaches(20);
        device
    }

    fn with_interval(interval: &str) -> Self {
        let cloud = Cloud::start();
        let events = cloud.events();
        let mut host = HostCommand::of(&guest("sequence"))
            .set("interval", interval)
            .enrolled(&cloud, "s-1")
            .start();
        host.stdout.wait_for("Listening");
        Self {
            cloud,
            events,
            host,
        }
    }

    /// Sends so many numbers at once.
    fn sends(&self, numbers: u64) {
        let reply = self.cloud.call(&["send", &numbers.to_string()]);
        assert_eq!(reply.payload, numbers);
    }

    /// Waits until this number has arrived.
    fn reaches(&mut self, number: u64) {
        self.events.find(&format!("number {number}"), |event| {
            (event["body"]["sequence"].as_u64()? >= number).then_some(())
        });
    }

    fn connects_again(&mut self) {
        self.events.next("connected");
    }

    /// Properties and commands go on. Returns how many numbers it has counted.
    fn answers(&self) -> u64 {
        let acknowledgment = self.cloud.set(&["anything", "1"]);
        assert_eq!(acknowledgment["ac"], 200);
        let reply = self.cloud.call(&["count"]);
        reply.payload.as_u64().expect("a number")
    }

    /// Telemetry, commands and properties go on, and nothing is missing. Returns how many messages came twice.
    fn goes_on(&mut self) -> usize {
        let count = self.answers();
        self.events.numbers(count + 20).twice
    }
}

#[test]
fn after_a_tcp_reset_everything_goes_on() {
    let mut device = Device::start();
    for _ in 0..3 {
        device.cloud.fault(&["reset"]);
        device.connects_again();
    }
    assert!(device.goes_on() <= 3 * WINDOW);
}

#[test]
fn after_an_outage_everything_arrives_that_was_counted_meanwhile() {
    let mut device = Device::start();
    device.cloud.fault(&["refuse", "on"]);
    device.cloud.fault(&["reset"]);
    // The first, second and fourth failure are told.
    for _ in 0..3 {
        device.host.stderr.wait_for("next_attempt_in_ms");
    }
    device.cloud.fault(&["refuse", "off"]);
    device.connects_again();
    assert!(device.goes_on() <= WINDOW);
}

#[test]
fn after_a_lost_session_the_device_subscribes_again() {
    let mut device = Device::start();
    device.cloud.fault(&["forget-sessions"]);
    device.cloud.fault(&["reset"]);
    device.connects_again();
    assert!(device.goes_on() <= WINDOW);
}

#[test]
fn what_was_never_acknowledged_comes_again_as_the_same_message() {
    // It sends only when told to, so that the window cannot fill before acknowledgments are withheld.
    let mut device = Device::with_interval("3600000ms");
    device.sends(1);
    device.reaches(1);
    device.cloud.fault(&["withhold-acks", "on"]);
    device.sends(100);
    device.reaches(20);
    device.cloud.fault(&["withhold-acks", "off"]);
    device.cloud.fault(&["reset"]);
    device.connects_again();
    assert_eq!(device.answers(), 101);
    device.reaches(101);
    let twice = device.events.numbers(101).twice;
    assert!((19..=WINDOW).contains(&twice), "{twice}");
}
