//! `cloud status`

use clap::Args;
use cloud::{
    ca_bundle,
    dir::{CloudDir, Running},
};
use jiff::{SignedDuration, Timestamp, fmt::friendly::SpanPrinter};
use serde_json::{Map, Value, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    output, program,
    value::at,
};

#[derive(Args)]
pub(crate) struct StatusCommand {
    /// Print JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl StatusCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let cloud = client.get(Policy::RegistryRead, "/api/cloud")?;
        let devices = client.get(Policy::RegistryRead, "/statistics/devices")?;
        let service = client.get(Policy::Service, "/statistics/service")?;
        let faults = client.get(Policy::Service, "/api/faults")?;
        let mut document = addresses(client.dir(), client.running());
        document.extend([
            ("version".into(), at(&cloud, "/version").clone()),
            ("startedAt".into(), at(&cloud, "/startedAt").clone()),
            ("console".into(), at(&cloud, "/console").clone()),
            (
                "devices".into(),
                json!({
                    "total": at(&devices, "/totalDeviceCount"),
                    "enabled": at(&devices, "/enabledDeviceCount"),
                    "disabled": at(&devices, "/disabledDeviceCount"),
                    "connected": at(&service, "/connectedDeviceCount"),
                }),
            ),
            ("lastEvent".into(), at(&cloud, "/lastEvent").clone()),
            (
                "activeFaults".into(),
                faults.as_array().map_or(0, Vec::len).into(),
            ),
        ]);
        let document = Value::Object(document);
        match self.json {
            true => output::document(document),
            false => output::columns(&rows(&document)),
        }
    }
}

/// Returns the members of `cloud status --json` that every running cloud has announced in its directory.
pub(crate) fn addresses(dir: &CloudDir, running: &Running) -> Map<String, Value> {
    let path = dir.path();
    Map::from_iter([
        ("pid".into(), running.pid.into()),
        ("directory".into(), path.display().to_string().into()),
        (
            "caFile".into(),
            dir.certificate().display().to_string().into(),
        ),
        (
            "caBundleFile".into(),
            path.join(ca_bundle::FILE).display().to_string().into(),
        ),
        ("hubName".into(), running.hub_name.as_str().into()),
        ("dpsName".into(), running.dps_name.as_str().into()),
        ("idScope".into(), running.id_scope.as_str().into()),
        ("mqtt".into(), running.mqtt.to_string().into()),
        ("https".into(), running.https.to_string().into()),
    ])
}

fn rows(status: &Value) -> Vec<Vec<String>> {
    let text = |pointer| match at(status, pointer) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    vec![
        row(
            "cloud",
            format!(
                "{}, process {}{}",
                text("/version"),
                text("/pid"),
                uptime(status)
            ),
        ),
        row(
            "hub and DPS",
            format!("{}  (MQTT over TLS, {})", text("/hubName"), text("/mqtt")),
        ),
        row("ID scope", text("/idScope")),
        row("service API", format!("https://{}", text("/https"))),
        row(
            "console",
            format!(
                "http://{}  (`{}` prints a sign-in link)",
                text("/console"),
                program::command("console")
            ),
        ),
        row(
            "devices",
            format!(
                "{} registered, {} connected, {} disabled",
                text("/devices/total"),
                text("/devices/connected"),
                text("/devices/disabled")
            ),
        ),
        row("events", format!("last one {}", text("/lastEvent"))),
        row("faults", format!("{} active", text("/activeFaults"))),
        row("directory", text("/directory")),
    ]
}

/// Describes the time since the start.
fn uptime(status: &Value) -> String {
    let started: Option<Timestamp> = at(status, "/startedAt")
        .as_str()
        .and_then(|time| time.parse().ok());
    started.map_or_else(String::new, |started| {
        let up = Timestamp::now()
            .duration_since(started)
            .max(SignedDuration::ZERO);
        let up = SignedDuration::from_secs(up.as_secs());
        format!(", up {}", SpanPrinter::new().duration_to_string(&up))
    })
}
