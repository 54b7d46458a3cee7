//! A simulated device: sends messages on schedule, handles acknowledgments.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, interval_at, sleep_until},
};

use super::{
    DeviceReport,
    connection::{ConnectionError, DeviceConnection, KEEP_ALIVE},
    schedule::DeviceSchedule,
    stats::LoadStats,
    window::Window,
};
use crate::mqtt::{Packet, Publish};

/// The time to wait for pending acknowledgments at the end.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// The system properties of a message, as a part of its topic.
const CONTENT_PROPERTIES: &str = "$.ct=application%2Fjson&$.ce=utf-8";

/// The schedule and limits of a device.
pub(super) struct DevicePlan {
    pub(super) schedule: DeviceSchedule,
    pub(super) start: Instant,
    /// Messages due at this time or later are not sent.
    pub(super) end: Instant,
    pub(super) window: usize,
    pub(super) payload: usize,
}

/// A connected device.
pub(super) struct SimulatedDevice {
    id: String,
    topic: String,
    connection: DeviceConnection,
    plan: DevicePlan,
    window: Window,
    sent: u64,
    stats: Arc<LoadStats>,
}

impl SimulatedDevice {
    pub(super) fn new(
        id: String,
        connection: DeviceConnection,
        plan: DevicePlan,
        stats: Arc<LoadStats>,
    ) -> Self {
        Self {
            topic: format!("devices/{id}/messages/events/{CONTENT_PROPERTIES}"),
            id,
            connection,
            window: Window::new(plan.window),
            plan,
            sent: 0,
            stats,
        }
    }

    /// Runs until the end of the schedule. A lost connection is not restored.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> DeviceReport {
        let sent = self.send_all(stop).await;
        let report = self.report();
        let closed = match sent {
            Ok(()) => self.connection.disconnect().await,
            Err(error) => Err(error),
        };
        if let Err(error) = closed {
            self.stats.connection_lost(error.to_string());
        }
        report
    }

    /// Sends all messages, and waits for their acknowledgments or the timeout.
    async fn send_all(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), ConnectionError> {
        let period = Duration::from_secs(KEEP_ALIVE.into());
        let mut ping = interval_at(Instant::now() + period, period);
        let mut stopped = false;
        while self.next_due().is_some() || !self.window.is_empty() {
            tokio::select! {
                () = sleep_until_due(self.next_due().filter(|_| self.window.has_room())) => {
                    self.send_due().await?;
                }
                packet = self.connection.next_packet() => self.handle(packet?)?,
                () = stop_requested(&mut stop), if !stopped => {
                    stopped = true;
                    self.plan.end = self.plan.end.min(Instant::now());
                }
                _ = ping.tick() => self.ping().await?,
                () = sleep_until(self.plan.end + ACK_TIMEOUT) => break,
            }
        }
        Ok(())
    }

    /// Returns the due time of the next message, `None` if there is none.
    fn next_due(&self) -> Option<Instant> {
        self.due(self.sent + 1)
    }

    fn due(&self, number: u64) -> Option<Instant> {
        let due = self.plan.start + self.plan.schedule.due(number);
        (due < self.plan.end).then_some(due)
    }

    /// Sends all messages that are due and fit into the window.
    async fn send_due(&mut self) -> Result<(), ConnectionError> {
        let (now, before) = (Instant::now(), self.sent);
        while let Some(due) = self.next_due().filter(|due| *due <= now)
            && self.window.has_room()
        {
            self.sent += 1;
            let packet_id = self.window.add(self.sent, due);
            let body = body(&self.id, self.sent, self.plan.payload);
            let publish = Publish::at_least_once(self.topic.clone(), packet_id, body);
            self.connection.queue(&Packet::Publish(publish))?;
        }
        self.stats.sent(self.sent - before);
        Ok(self.connection.flush().await?)
    }

    fn handle(&mut self, packet: Packet) -> Result<(), ConnectionError> {
        match packet {
            Packet::PubAck { packet_id } => {
                if let Some(sent) = self.window.acknowledge(packet_id) {
                    self.stats.acknowledged(sent.due);
                }
                Ok(())
            }
            Packet::PingResp => Ok(()),
            packet => Err(ConnectionError::Unexpected(packet.into())),
        }
    }

    async fn ping(&mut self) -> Result<(), ConnectionError> {
        self.connection.queue(&Packet::PingReq)?;
        Ok(self.connection.flush().await?)
    }

    fn report(&self) -> DeviceReport {
        let unsent = (self.sent + 1..).take_while(|number| self.due(*number).is_some());
        DeviceReport {
            id: self.id.clone(),
            due: self.sent + unsent.count() as u64,
            sent: self.sent,
            unacknowledged: self.window.numbers(),
        }
    }
}

async fn stop_requested(stop: &mut watch::Receiver<bool>) {
    // A dropped sender means stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn sleep_until_due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Returns a body of `size` bytes, with the device ID and the number of the message, so that a reader can detect a missing one.
fn body(id: &str, number: u64, size: usize) -> String {
    let head = format!("{{\"device\":\"{id}\",\"sequence\":{number},\"fill\":\"");
    let fill = ".".repeat(size.saturating_sub(head.len() + 2));
    format!("{head}{fill}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_of_the_size_asked_for() {
        for size in [200, 250_000] {
            let text = body("load-1", 17, size);
            assert_eq!(text.len(), size);
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (&json["device"], &json["sequence"]),
                (&"load-1".into(), &17.into())
            );
        }
        let short: serde_json::Value = serde_json::from_str(&body("load-1", 17, 0)).unwrap();
        assert_eq!(short["sequence"], 17);
    }
}
