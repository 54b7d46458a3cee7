//! The report of a load test.

use std::time::Duration;

use cloud::load::{DeviceReport, LatencySummary, StatsSnapshot};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    super::{command_error::CommandError, output},
    probe::TwinProbeResult,
};

/// The report, in the format of `--json`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoadReport {
    /// The prefix of the device IDs.
    name: String,
    /// The time to connect all devices.
    connect_ms: f64,
    /// The requested messages per second.
    rate: u32,
    /// The acknowledged messages per second, until the last acknowledgment.
    achieved_rate: f64,
    /// The number of messages due.
    due: u64,
    sent: u64,
    acknowledged: u64,
    lost_connections: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<String>,
    /// The time from a message's due time to its acknowledgment.
    latency_ms: LatencySummary,
    /// The result of the twin requests during the test.
    pub(super) twin: TwinProbeResult,
    pub(super) devices: Vec<DeviceReport>,
}

impl LoadReport {
    pub(super) fn new(name: &str, rate: u32, connect_time: Duration) -> Self {
        Self {
            name: name.to_owned(),
            rate,
            connect_ms: connect_time.as_secs_f64() * 1000.0,
            ..Self::default()
        }
    }

    /// Adds the statistics of all messages since `start`.
    pub(super) fn add(&mut self, stats: &StatsSnapshot, start: Instant) {
        let seconds = stats.last_ack.map(|last| (last - start).as_secs_f64());
        let seconds = seconds.filter(|seconds| *seconds > 0.0);
        self.achieved_rate = seconds.map_or(0.0, |seconds| stats.acknowledged as f64 / seconds);
        self.due = self.devices.iter().map(|device| device.due).sum();
        self.sent = stats.sent;
        self.acknowledged = stats.acknowledged;
        self.lost_connections = stats.lost;
        self.loss.clone_from(&stats.loss);
        self.latency_ms = stats.latency;
    }

    /// Prints the report.
    pub(super) fn print(&self, json: bool) -> Result<(), CommandError> {
        if json {
            let report = serde_json::to_value(self).map_err(CommandError::request)?;
            return output::document_line(report);
        }
        self.rows().iter().try_for_each(|row| output::line(row))
    }

    fn rows(&self) -> Vec<String> {
        let loss = self.loss.as_ref();
        let loss = loss.map(|reason| format!(" (first: {reason})"));
        vec![
            format!(
                "devices        {} ({}-*), connected in {:.1} s",
                self.devices.len(),
                self.name,
                self.connect_ms / 1000.0
            ),
            format!(
                "rate           {} messages/s requested, {:.0} achieved",
                self.rate, self.achieved_rate
            ),
            format!(
                "messages       {} due, {} sent, {} acknowledged",
                self.due, self.sent, self.acknowledged
            ),
            format!(
                "connections    {} lost{}",
                self.lost_connections,
                loss.unwrap_or_default()
            ),
            format!("ack latency    {}", percentiles(&self.latency_ms)),
            format!(
                "twin latency   {}; {} succeeded, {} failed",
                percentiles(&self.twin.latency_ms),
                self.twin.succeeded,
                self.twin.failed
            ),
        ]
    }

    /// Returns an error if a message, a connection or a twin request failed.
    pub(super) fn result(&self) -> Result<(), CommandError> {
        let missing = self.due.saturating_sub(self.acknowledged);
        let failure = self.twin.failure.as_deref().unwrap_or_default();
        match (missing, self.lost_connections, self.twin.failed) {
            (0, 0, 0) => Ok(()),
            (0, 0, failed) => Err(CommandError::request(format!(
                "{failed} twin requests failed (first: {failure})"
            ))),
            (0, lost, _) => Err(CommandError::request(format!("{lost} connections lost"))),
            _ => Err(CommandError::request(format!(
                "{missing} of {} messages not acknowledged",
                self.due
            ))),
        }
    }
}

fn percentiles(latency: &LatencySummary) -> String {
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        latency.p50, latency.p99, latency.max
    )
}
