//! `cloud events`

use std::io;

use clap::{Args, ValueEnum};
use cloud::hub::EventKind;
use serde_json::Value;

use super::client::Client;
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
    /// Begin after the event of this number
    #[arg(long, env = "CLOUD_SINCE", value_name = "NUMBER")]
    since: Option<u64>,
    /// Only of this device; may be given several times
    #[arg(long, short, env = "CLOUD_DEVICE", value_name = "ID")]
    device: Vec<String>,
    /// Only of this kind; may be given several times
    #[arg(long, short, env = "CLOUD_KIND", value_name = "KIND", value_parser = EventKind::NAMES)]
    kind: Vec<String>,
    /// Only from this time on, such as 2026-01-31T08:00:00Z
    #[arg(long, env = "CLOUD_FROM", value_name = "TIME")]
    from: Option<String>,
    /// Only before this time
    #[arg(long, env = "CLOUD_TO", value_name = "TIME")]
    to: Option<String>,
    /// How to print them
    #[arg(
        long,
        env = "CLOUD_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    format: Format,
    /// The same as --format json; not with another format
    #[arg(long, env = "CLOUD_JSON", conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// One line each, to read
    Text,
    /// One line of JSON each
    Json,
    /// With columns, for spreadsheets
    Csv,
    /// As `az iot hub monitor-events --properties all` prints them
    Az,
}

impl Events {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let selection = self.selection();
        match self.format {
            _ if self.json => print_each(stream::open(client, &selection)?, as_json),
            Format::Json => print_each(stream::open(client, &selection)?, as_json),
            Format::Text => print_each(stream::open(client, &selection)?, as_text),
            Format::Csv => print_each(stream::lines(client, &selection, "csv")?, |line: String| {
                output::line(&line)
            }),
            Format::Az => print_each(stream::lines(client, &selection, "az")?, |line: String| {
                let event: Value = serde_json::from_str(&line).map_err(Failure::request)?;
                output::pretty(&event)
            }),
        }
    }

    fn selection(&self) -> Selection<'_> {
        Selection {
            devices: self.device.iter().map(String::as_str).collect(),
            kinds: self.kind.iter().map(String::as_str).collect(),
            from: self.from.as_deref(),
            to: self.to.as_deref(),
            since: self.since,
            last: self.last,
            follow: self.follow,
            limit: None,
        }
    }
}

fn print_each<T>(
    events: impl Iterator<Item = io::Result<T>>,
    print: impl Fn(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for event in events {
        let event =
            event.map_err(|error| Failure::request(format!("lost the cloud's events: {error}")))?;
        print(event)?;
    }
    Ok(())
}

fn as_json(event: Value) -> Result<(), Failure> {
    output::line(&event.to_string())
}

fn as_text(event: Value) -> Result<(), Failure> {
    if at(&event, "/type") == "gap" {
        output::note(&gap(&event));
        return Ok(());
    }
    let field = |name| at(&event, &format!("/{name}")).as_str().unwrap_or_default();
    let head = format!("{} {}", field("enqueued"), field("device"));
    let body = format!("{:<12} {}", field("type"), what(&event));
    output::coloured_line(&format!(
        "{}  {}",
        faint(&printable(&head)),
        printable(&body)
    ))
}

/// What is to be said of events that are missing.
fn gap(event: &Value) -> String {
    let number = |name| at(event, name).as_u64().unwrap_or_default();
    let (since, oldest) = (number("/since"), number("/oldest"));
    if since < oldest {
        format!(
            "events {} to {} are not kept any more",
            since + 1,
            oldest - 1
        )
    } else {
        format!("this cloud has no event {since} yet: beginning with {oldest}")
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
        Some("tags") => at(event, "/tags").to_string(),
        Some("desired") => format!(
            "{} (version {})",
            at(event, "/desired"),
            at(event, "/version")
        ),
        Some("command") => command(event),
        Some("created" | "updated" | "deleted") => plain(at(event, "/status")),
        Some("connected") => plain(at(event, "/modelId")),
        Some("disconnected") => disconnected(event),
        Some("fault-started" | "fault-ended" | "fault-triggered") => fault(at(event, "/fault")),
        _ => plain(at(event, "/reason")),
    }
}

fn disconnected(event: &Value) -> String {
    let since = at(event, "/since").as_str();
    let since = since.map(|since| format!(", after {since}"));
    plain(at(event, "/reason")) + &since.unwrap_or_default()
}

fn command(event: &Value) -> String {
    let part = |name| {
        let part = event.get(name).map(Value::to_string);
        part.unwrap_or_default()
    };
    let call = format!("{}({})", plain(at(event, "/name")), part("payload"));
    let outcome = match event.get("error") {
        Some(error) => plain(error),
        None => format!("{} {}", part("status"), part("response")),
    };
    format!(
        "{call} -> {} in {} ms",
        outcome.trim_end(),
        part("milliseconds")
    )
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
