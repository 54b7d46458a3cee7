//! `cloud events`

use clap::Args;
use serde_json::Value;

use super::client::Client;
use super::device::DeviceOption;
use super::failure::Failure;
use super::output::{self, faint, printable};
use super::stream::{self, Selection};
use super::value::at;

#[derive(Args)]
pub(crate) struct Events {
    /// Go on with what comes, until stopped
    #[arg(long, short, env = "CLOUD_FOLLOW")]
    follow: bool,
    /// Begin with the last so many events
    #[arg(long, env = "CLOUD_LAST", value_name = "COUNT")]
    last: Option<u64>,
    #[command(flatten)]
    device: DeviceOption,
    /// Print each event as one line of JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl Events {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let selection = Selection {
            device: self.device.named(),
            last: self.last,
            follow: self.follow,
            limit: None,
        };
        for event in stream::open(client, &selection)? {
            let event = event
                .map_err(|error| Failure::request(format!("lost the cloud's events: {error}")))?;
            self.show(&event)?;
        }
        Ok(())
    }

    fn show(&self, event: &Value) -> Result<(), Failure> {
        if self.json {
            return output::line(&event.to_string());
        }
        let field = |name| at(event, &format!("/{name}")).as_str().unwrap_or_default();
        let head = format!("{} {}", field("enqueued"), field("device"));
        let body = format!("{:<12} {}", field("type"), what(event));
        output::coloured_line(&format!(
            "{}  {}",
            faint(&printable(&head)),
            printable(&body)
        ))
    }
}

/// What is to be said of an event, in one line.
fn what(event: &Value) -> String {
    match at(event, "/type").as_str() {
        Some("telemetry") => telemetry(event),
        Some("reported") => format!(
            "{} (version {})",
            at(event, "/patch"),
            at(event, "/version")
        ),
        Some("connected") => plain(at(event, "/modelId")),
        Some("fault-began" | "fault-ended" | "fault-struck") => fault(at(event, "/fault")),
        _ => plain(at(event, "/reason")),
    }
}

/// A fault with settings is an object of one name.
fn fault(fault: &Value) -> String {
    match fault.as_str() {
        Some(name) => name.to_owned(),
        None => fault.to_string(),
    }
}

fn telemetry(event: &Value) -> String {
    let body = if event.get("body").is_some() {
        at(event, "/body").to_string()
    } else if event.get("text").is_some() {
        plain(at(event, "/text"))
    } else {
        format!("base64 {}", plain(at(event, "/base64")))
    };
    let component = at(event, "/component")
        .as_str()
        .map(|name| format!("{name}: "));
    let properties = match at(event, "/properties").as_object() {
        Some(properties) if !properties.is_empty() => format!("  {}", at(event, "/properties")),
        _ => String::new(),
    };
    format!("{}{body}{properties}", component.unwrap_or_default())
}

fn plain(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
