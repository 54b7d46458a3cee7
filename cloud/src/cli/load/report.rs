//! What came of a load.

use std::time::Duration;

use cloud::load::{Account, Figures, Latency};
use serde::Serialize;
use tokio::time::Instant;

use super::super::failure::Failure;
use super::super::output;
use super::probe::TwinGets;

/// The result, as `--json` shows it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// What the devices' names begin with.
    name: String,
    /// How long it took to connect all devices.
    connect_seconds: f64,
    /// Messages a second that were wanted.
    rate: u32,
    /// Messages a second that were acknowledged, until the last one was.
    achieved: f64,
    /// Messages that were due.
    due: u64,
    sent: u64,
    acknowledged: u64,
    lost_connections: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<String>,
    /// Milliseconds from when a message was due until it was acknowledged.
    latency: Latency,
    /// Of the twins that were asked for meanwhile.
    pub(super) twin: TwinGets,
    pub(super) devices: Vec<Account>,
}

impl Report {
    pub(super) fn of(name: &str, rate: u32, connecting: Duration) -> Self {
        Self {
            name: name.to_owned(),
            rate,
            connect_seconds: connecting.as_secs_f64(),
            ..Self::default()
        }
    }

    /// What was sent since `began`.
    pub(super) fn add(&mut self, figures: &Figures, began: Instant) {
        let seconds = figures.last.map(|last| (last - began).as_secs_f64());
        let seconds = seconds.filter(|seconds| *seconds > 0.0);
        self.achieved = seconds.map_or(0.0, |seconds| figures.acknowledged as f64 / seconds);
        self.due = self.devices.iter().map(|device| device.due).sum();
        self.sent = figures.sent;
        self.acknowledged = figures.acknowledged;
        self.lost_connections = figures.lost;
        self.loss.clone_from(&figures.loss);
        self.latency = figures.latency;
    }

    pub(super) fn show(&self, json: bool) -> Result<(), Failure> {
        if json {
            let text = serde_json::to_string(self).map_err(Failure::request)?;
            return output::line(&text);
        }
        self.rows().iter().try_for_each(|row| output::line(row))
    }

    fn rows(&self) -> Vec<String> {
        let loss = self.loss.as_ref().map(|why| format!(" (the first: {why})"));
        vec![
            format!(
                "devices        {} ({}-*), connected in {:.1} s",
                self.devices.len(),
                self.name,
                self.connect_seconds
            ),
            format!(
                "rate           {} messages/s wanted, {:.0} achieved",
                self.rate, self.achieved
            ),
            format!(
                "messages       {} due, {} sent, {} acknowledged",
                self.due, self.sent, self.acknowledged
            ),
            format!(
                "lost           {} connections{}",
                self.lost_connections,
                loss.unwrap_or_default()
            ),
            format!("acknowledged   {}", shown(&self.latency)),
            format!(
                "twin shown     {}, {} times, {} failed",
                shown(&self.twin.latency),
                self.twin.count,
                self.twin.failed
            ),
        ]
    }

    /// Whether the cloud bore it.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let missing = self.due.saturating_sub(self.acknowledged);
        let failure = self.twin.failure.as_deref().unwrap_or_default();
        match (missing, self.lost_connections, self.twin.failed) {
            (0, 0, 0) => Ok(()),
            (0, 0, failed) => Err(Failure::request(format!(
                "{failed} twins were not shown (the first: {failure})"
            ))),
            (0, lost, _) => Err(Failure::request(format!("{lost} connections were lost"))),
            _ => Err(Failure::request(format!(
                "{missing} of {} messages were not acknowledged",
                self.due
            ))),
        }
    }
}

fn shown(latency: &Latency) -> String {
    format!(
        "half within {:.1} ms, 99 of 100 within {:.1} ms, all within {:.1} ms",
        latency.p50, latency.p99, latency.max
    )
}
