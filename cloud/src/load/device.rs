//! One device: sends what is due, takes acknowledgments.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep_until};

use super::Account;
use super::connection::{Connection, ConnectionError, KEEP_ALIVE};
use super::schedule::Turns;
use super::tally::Tally;
use super::window::Window;
use crate::mqtt::{Packet, Publish};

/// How long after the end acknowledgments are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a device sends are JSON texts.
const CONTENT: &str = "$.ct=application%2Fjson&$.ce=utf-8";

/// What a device is to do.
pub(super) struct Mission {
    pub(super) turns: Turns,
    pub(super) begins: Instant,
    /// What is due then, or later, is not sent.
    pub(super) ends: Instant,
    pub(super) window: usize,
    pub(super) payload: usize,
}

/// A connected device.
pub(super) struct Device {
    id: String,
    topic: String,
    connection: Connection,
    mission: Mission,
    window: Window,
    sent: u64,
    tally: Arc<Tally>,
}

impl Device {
    pub(super) fn new(
        id: String,
        connection: Connection,
        mission: Mission,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            topic: format!("devices/{id}/messages/events/{CONTENT}"),
            id,
            connection,
            window: Window::new(mission.window),
            mission,
            sent: 0,
            tally,
        }
    }

    /// Sends until the end. A connection that is lost stays lost.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Account {
        let kept = self.work(stop).await;
        let account = self.account();
        let ended = match kept {
            Ok(()) => self.connection.disconnect().await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            self.tally.lost(error.to_string());
        }
        account
    }

    /// Until all is acknowledged, or has had its time.
    async fn work(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), ConnectionError> {
        let period = Duration::from_secs(KEEP_ALIVE.into());
        let mut ping = interval_at(Instant::now() + period, period);
        let mut stopped = false;
        while self.next().is_some() || !self.window.is_empty() {
            tokio::select! {
                () = due(self.next().filter(|_| self.window.has_room())) => self.send().await?,
                packet = self.connection.packet() => self.take(packet?)?,
                () = told(&mut stop), if !stopped => {
                    stopped = true;
                    self.mission.ends = self.mission.ends.min(Instant::now());
                }
                _ = ping.tick() => self.ping().await?,
                () = sleep_until(self.mission.ends + PATIENCE) => break,
            }
        }
        Ok(())
    }

    /// When the next message is due, if there is one more.
    fn next(&self) -> Option<Instant> {
        self.due(self.sent + 1)
    }

    fn due(&self, number: u64) -> Option<Instant> {
        let due = self.mission.begins + self.mission.turns.due(number);
        (due < self.mission.ends).then_some(due)
    }

    /// Sends everything that is due by now and finds room.
    async fn send(&mut self) -> Result<(), ConnectionError> {
        let (now, before) = (Instant::now(), self.sent);
        while let Some(due) = self.next().filter(|due| *due <= now)
            && self.window.has_room()
        {
            self.sent += 1;
            let packet_id = self.window.enter(self.sent, due);
            let body = body(&self.id, self.sent, self.mission.payload);
            let publish = Publish::at_least_once(self.topic.clone(), packet_id, body);
            self.connection.queue(&Packet::Publish(publish))?;
        }
        self.tally.sent(self.sent - before);
        Ok(self.connection.flush().await?)
    }

    fn take(&mut self, packet: Packet) -> Result<(), ConnectionError> {
        match packet {
            Packet::PubAck { packet_id } => {
                if let Some(sent) = self.window.acknowledge(packet_id) {
                    self.tally.acknowledged(sent.due);
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

    fn account(&self) -> Account {
        let unsent = (self.sent + 1..).take_while(|number| self.due(*number).is_some());
        Account {
            id: self.id.clone(),
            due: self.sent + unsent.count() as u64,
            sent: self.sent,
            unacknowledged: self.window.numbers(),
        }
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // The sender gone is an end too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Says who sends it and its number, so that whoever reads can tell whether one is missing, and is as long as it should be.
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
