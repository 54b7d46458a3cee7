//! A status in the Prometheus text format.

use std::fmt::Error;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, prometheus_text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use crate::{
    cause::Cause,
    status::{CallStats, CauseCounts, ComponentState, ConnectionState, Status},
};

/// Prefix of all metric names.
const PREFIX: &str = "pnp_host";

/// Lines dropped, by the stream they were for.
type DroppedLines = [(&'static str, u64); 2];

/// Encodes a scrape; `None` if that fails, which no status is known to cause.
pub(super) fn encode(status: Status, dropped_lines: DroppedLines) -> Option<String> {
    let device = ("device".into(), status.device_id.clone().into());
    let mut registry = Registry::with_prefix_and_labels(PREFIX, [device].into_iter());
    registry.register_collector(Box::new(Sample(status, dropped_lines)));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).ok()?;
    Some(text)
}

/// A sample of a device, and of the process it runs in.
#[derive(Debug)]
struct Sample(Status, DroppedLines);

impl Collector for Sample {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut writer = MetricsWriter(encoder);
        self.connection(&mut writer)?;
        self.outbox(&mut writer)?;
        self.store(&mut writer)?;
        self.component(&mut writer)?;
        let help = "Lines not written because the stream was full, closed or not read";
        let dropped = self.1.into_iter();
        writer.counters("output_lines_dropped", help, "stream", dropped)?;
        calls(&self.0.calls, &mut writer)
    }
}

impl Sample {
    fn connection(&self, writer: &mut MetricsWriter<'_>) -> Result<(), Error> {
        let connection = &self.0.connection;
        let connected = connection.state == ConnectionState::Connected;
        writer.gauge(
            "connected",
            "1 while the device is connected",
            flag(connected),
        )?;
        if let Some(since) = connection.since {
            let help = "Unix time of the last connect or disconnect";
            writer.gauge(
                "connection_changed_timestamp_seconds",
                help,
                since.as_duration().as_secs_f64(),
            )?;
        }
        if let Some(left) = connection.token_expires_seconds {
            writer.gauge(
                "sas_token_expires_seconds",
                "Time until the SAS token expires",
                left,
            )?;
        }
        if let Some(next) = connection.next_attempt_seconds {
            writer.gauge(
                "next_connect_attempt_seconds",
                "Time until the next connection attempt",
                next,
            )?;
        }
        writer.counter(
            "connects",
            "Connections accepted by the hub",
            connection.connects,
        )?;
        let help = "Reconnects to renew the SAS token";
        writer.counter("sas_token_renewals", help, connection.token_renewals)?;
        let help = "Lost connections by cause";
        writer.causes("disconnects", help, &connection.disconnects)?;
        let help = "Failed connection attempts by cause";
        writer.causes("connect_failures", help, &connection.connect_failures)
    }

    fn outbox(&self, writer: &mut MetricsWriter<'_>) -> Result<(), Error> {
        let outbox = &self.0.outbox;
        writer.gauge(
            "outbox_messages",
            "Queued telemetry messages",
            outbox.messages as f64,
        )?;
        writer.gauge(
            "outbox_reports",
            "Queued reported patches",
            outbox.reports as f64,
        )?;
        writer.gauge(
            "outbox_bytes",
            "Size of the queued telemetry messages",
            outbox.bytes as f64,
        )?;
        let help = "Age of the oldest queued message";
        writer.gauge(
            "outbox_oldest_message_age_seconds",
            help,
            outbox.oldest_age_seconds.unwrap_or_default(),
        )?;
        let help = "Messages and reported patches acknowledged by the hub";
        writer.counter("messages_acknowledged", help, outbox.acknowledged)?;
        let help = "Messages evicted from the outbox since the device first ran";
        writer.counter("messages_evicted", help, outbox.evicted)?;
        let help = "Messages and reported patches dead-lettered since the device first ran";
        writer.counter("messages_dead_lettered", help, outbox.dead_lettered)
    }

    fn store(&self, writer: &mut MetricsWriter<'_>) -> Result<(), Error> {
        let store = &self.0.store;
        let help = "1 while the disk fails and changes are kept in memory";
        writer.gauge("store_degraded", help, flag(store.degraded_since.is_some()))?;
        let help = "Failed attempts to write to the disk";
        writer.counter("store_write_failures", help, store.write_failures)
    }

    fn component(&self, writer: &mut MetricsWriter<'_>) -> Result<(), Error> {
        let status = &self.0;
        if let Some(running) = &status.running {
            let about = &running.info;
            let labels = [
                ("name", about.name.clone()),
                ("version", about.version.clone()),
                ("sha256", about.sha256.clone()),
            ];
            let mut metric =
                writer.family("component_info", "Running version", MetricType::Gauge)?;
            ConstGauge::new(1).encode(metric.encode_family(&labels)?)?;
        }
        let on_probation = matches!(status.state, ComponentState::Probation { .. });
        writer.gauge(
            "component_on_probation",
            "1 while the running version is on probation",
            flag(on_probation),
        )?;
        let suspended = matches!(status.state, ComponentState::Suspended { .. });
        writer.gauge(
            "component_suspended",
            "1 while the component is suspended because it does not start",
            flag(suspended),
        )?;
        let help = "Commands, desired properties and timers suspended after repeated failures";
        writer.gauge("suspended_causes", help, status.suspended.len() as f64)?;
        let delayed = status.rate_limits.iter();
        let delayed = delayed.map(|(limit, rate)| (limit.as_str(), rate.delayed));
        let help = "Timer calls that had to wait for a rate limit";
        writer.counters("timer_calls_delayed", help, "limit", delayed)?;
        let steps = status
            .steps
            .iter()
            .map(|(step, count)| (step.as_str(), *count));
        writer.counters("swap_steps", "Swap steps by name", "step", steps)
    }
}

fn calls(calls: &CallStats, writer: &mut MetricsWriter<'_>) -> Result<(), Error> {
    let results = [
        ("ok", calls.ok),
        ("error", calls.errors),
        ("trap", calls.traps),
    ];
    let help = "Calls into the component by result";
    writer.counters("component_calls", help, "result", results.into_iter())?;
    let help = "Linear memory of the component instance";
    writer.gauge("component_memory_bytes", help, calls.memory_bytes as f64)?;
    let bounds = CallStats::BOUNDS.into_iter().chain([f64::MAX]);
    let counts = calls
        .by_duration
        .iter()
        .copied()
        .chain(std::iter::repeat(0));
    let buckets: Vec<_> = bounds.zip(counts).collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    let help = "Duration of calls into the component";
    let mut metric = writer.family(
        "component_call_duration_seconds",
        help,
        MetricType::Histogram,
    )?;
    metric.encode_histogram::<NoLabelSet>(calls.total_seconds, count, &buckets, None)
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// The text being written.
struct MetricsWriter<'a>(DescriptorEncoder<'a>);

impl MetricsWriter<'_> {
    fn family<'a>(
        &'a mut self,
        name: &'a str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'a>, Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> Result<(), Error> {
        ConstGauge::new(value).encode(self.family(name, help, MetricType::Gauge)?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        ConstCounter::new(value).encode(self.family(name, help, MetricType::Counter)?)
    }

    fn causes(&mut self, name: &str, help: &str, counts: &CauseCounts) -> Result<(), Error> {
        // With those that have not happened, so that the first one shows as a change.
        let all = Cause::ALL.into_iter();
        let all = all.map(|cause| {
            (
                cause.name(),
                counts.get(&cause).copied().unwrap_or_default(),
            )
        });
        self.counters(name, help, "cause", all)
    }

    fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        counts: impl Iterator<Item = (&'a str, u64)>,
    ) -> Result<(), Error> {
        let mut metric = self.family(name, help, MetricType::Counter)?;
        for (value, count) in counts {
            ConstCounter::new(count).encode(metric.encode_family(&[(label, value)])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        status::{ConnectionStatus, OutboxStatus, StoreStatus},
        versions::{RunningVersion, VersionInfo},
    };

    fn status() -> Status {
        Status {
            device_id: "d-\"1\"".to_owned(),
            pid: 1,
            connection: ConnectionStatus {
                state: ConnectionState::Connected,
                since: Some(Timestamp::UNIX_EPOCH),
                hub: None,
                next_attempt_seconds: Some(1.5),
                token_expires_seconds: Some(3000.5),
                last_error: None,
                connects: 3,
                token_renewals: 2,
                disconnects: [(Cause::Reset, 1)].into(),
                connect_failures: CauseCounts::new(),
            },
            outbox: OutboxStatus::default(),
            store: StoreStatus {
                degraded_since: Some(Timestamp::UNIX_EPOCH),
                reason: Some("it is full".to_owned()),
                write_failures: 7,
            },
            calls: CallStats {
                ok: 2,
                total_seconds: 0.5,
                by_duration: vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                ..CallStats::default()
            },
            running: Some(RunningVersion {
                info: VersionInfo {
                    name: "thermostat".to_owned(),
                    version: "1".to_owned(),
                    sha256: "ab".to_owned(),
                    model_id: "dtmi:com:example:Thermostat;1".to_owned(),
                },
                since: Timestamp::UNIX_EPOCH,
            }),
            state: ComponentState::Accepted,
            suspended: vec![],
            fallback: None,
            previous: None,
            quarantined: vec![],
            steps: [("started".to_owned(), 4)].into(),
            limits: [].into(),
            rate_limits: [].into(),
            last_swap: None,
        }
    }

    #[test]
    fn a_scrape_has_each_number_with_its_device() {
        let text = encode(status(), [("stdout", 0), ("stderr", 5)]).unwrap();
        for line in [
            "pnp_host_connected{device=\"d-\\\"1\\\"\"} 1.0",
            "# TYPE pnp_host_connects_total counter",
            "pnp_host_store_degraded{device=\"d-\\\"1\\\"\"} 1.0",
            "pnp_host_store_write_failures_total{device=\"d-\\\"1\\\"\"} 7",
            "pnp_host_disconnects_total{device=\"d-\\\"1\\\"\",cause=\"reset\"} 1",
            "pnp_host_disconnects_total{device=\"d-\\\"1\\\"\",cause=\"taken-over\"} 0",
            "pnp_host_component_call_duration_seconds_bucket{device=\"d-\\\"1\\\"\",le=\"0.001\"} 1",
            "pnp_host_component_call_duration_seconds_bucket{device=\"d-\\\"1\\\"\",le=\"+Inf\"} 2",
            "pnp_host_output_lines_dropped_total{device=\"d-\\\"1\\\"\",stream=\"stderr\"} 5",
            "pnp_host_swap_steps_total{device=\"d-\\\"1\\\"\",step=\"started\"} 4",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
    }

    #[test]
    fn the_dashboard_shows_only_what_there_is_and_all_of_it_is_text() {
        let dashboard = include_str!("../../../packaging/grafana/pnp-host.json");
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let names = |text: &str| -> BTreeSet<String> {
            let words = text.split(|character| !is_name(character));
            let names = words.filter(|word| word.starts_with("pnp_host_"));
            names.map(str::to_owned).collect()
        };
        let offered = names(&encode(status(), [("stdout", 0), ("stderr", 0)]).unwrap());
        let shown = names(dashboard);
        assert!(shown.len() > 10 && shown.is_subset(&offered), "{shown:?}");
    }
}
