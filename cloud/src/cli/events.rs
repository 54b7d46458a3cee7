//! `cloud events`

use std::io;

use clap::{Args, ValueEnum};
use cloud::{events::EventKind, json::JsonValue};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::encoded,
    fault::parts,
    json_text::Members,
    moment::{Since, Tail, moment, since, tail},
    output::{self, faint, printable},
    program,
    stream::{self, EventSelection},
    value,
};

/// The number of stored events that `--follow` begins with, as `tail -f` and `journalctl -f`.
const FOLLOW_TAIL: u64 = 10;

#[derive(Args)]
pub(crate) struct EventsCommand {
    /// Continue with new events until stopped; begins with the last 10
    #[arg(long, short, env = "CLOUD_FOLLOW")]
    follow: bool,
    /// Begin with the last COUNT events; `all` for all [default: all; 10 with --follow]
    #[arg(long, short = 'n', env = "CLOUD_TAIL", value_name = "COUNT", value_parser = tail)]
    tail: Option<Tail>,
    /// Begin at a time, a duration before now such as 5m, or after the event with this sequence number
    #[arg(long, env = "CLOUD_SINCE", value_name = "TIME|DURATION|SEQUENCE", value_parser = since)]
    since: Option<Since>,
    /// End at a time, or a duration before now (exclusive)
    #[arg(long, env = "CLOUD_UNTIL", value_name = "TIME|DURATION", value_parser = moment)]
    until: Option<Timestamp>,
    /// Show only events of this device (repeatable)
    #[arg(long, short, env = "CLOUD_DEVICE", value_name = "ID")]
    device: Vec<String>,
    /// Show only events of this kind (repeatable)
    #[arg(long, short, env = "CLOUD_KIND", value_name = "KIND", value_parser = EventKind::NAMES)]
    kind: Vec<String>,
    /// Output format
    #[arg(
        long,
        env = "CLOUD_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    format: OutputFormat,
    /// Same as --format json
    #[arg(long, env = "CLOUD_JSON", conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum OutputFormat {
    /// One line of text per event
    Text,
    /// One line of JSON per event
    Json,
    /// Comma-separated values
    Csv,
    /// JSON as `az iot hub monitor-events --properties all` prints it
    Az,
}

impl EventsCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        self.check_devices(client)?;
        let selection = self.selection();
        match self.format {
            format if self.json || format == OutputFormat::Json => print_each(
                stream::lines(client, &selection, "ndjson")?,
                |line: String| output::document_text(&with_fault_parts(line)),
            ),
            // It has been handled above.
            OutputFormat::Json => Ok(()),
            OutputFormat::Text => print_each(stream::open(client, &selection)?, as_text),
            OutputFormat::Csv => {
                print_each(stream::lines(client, &selection, "csv")?, |line: String| {
                    output::line(&line)
                })
            }
            OutputFormat::Az => {
                print_each(stream::lines(client, &selection, "az")?, |line: String| {
                    let event: Value =
                        serde_json::from_str(&line).map_err(CommandError::request)?;
                    output::pretty(&event)
                })
            }
        }
    }

    fn selection(&self) -> EventSelection<'_> {
        let (since, from) = match self.since {
            None => (None, None),
            Some(Since::Sequence(sequence)) => (Some(sequence), None),
            Some(Since::Time(time)) => (None, Some(time)),
        };
        EventSelection {
            devices: self.device.iter().map(String::as_str).collect(),
            kinds: self.kind.iter().map(String::as_str).collect(),
            from,
            to: self.until,
            since,
            last: match self.tail {
                Some(Tail::All) => None,
                Some(Tail::Last(count)) => Some(count),
                None => (self.follow && self.since.is_none()).then_some(FOLLOW_TAIL),
            },
            follow: self.follow,
            limit: None,
        }
    }

    /// Checks that each device is or was there: registered, enrolled, or in the stored events.
    fn check_devices(&self, client: &Client) -> Result<(), CommandError> {
        self.device.iter().try_for_each(|id| {
            let name = encoded(id);
            let (device, enrollment) = (format!("/devices/{name}"), format!("/enrollments/{name}"));
            let is_known = client.find(Policy::RegistryRead, &device)?.is_some()
                || client.find(Policy::Provisioning, &enrollment)?.is_some()
                || self.has_events(client, id)?;
            match is_known {
                true => Ok(()),
                false => Err(CommandError::request(format!(
                    "there is no device {id}; `{}` lists the registered ones",
                    program::command("devices")
                ))),
            }
        })
    }

    /// Returns true if there are events of the device itself. Faults of all devices are also in the events of each.
    fn has_events(&self, client: &Client, id: &str) -> Result<bool, CommandError> {
        let own = EventKind::NAMES.iter().copied();
        let last = EventSelection {
            devices: vec![id],
            kinds: own.filter(|kind| !kind.starts_with("fault-")).collect(),
            last: Some(1),
            ..EventSelection::default()
        };
        Ok(stream::lines(client, &last, "ndjson")?.next().is_some())
    }
}

fn print_each<T>(
    events: impl Iterator<Item = io::Result<T>>,
    print: impl Fn(T) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    for event in events {
        let event = event
            .map_err(|error| CommandError::request(format!("event stream interrupted: {error}")))?;
        print(event)?;
    }
    Ok(())
}

fn as_text(event: JsonValue) -> Result<(), CommandError> {
    let event = &event;
    if event["type"].as_str() == Some("gap") {
        output::note(&gap(event));
        return Ok(());
    }
    let field = |name| event[name].as_str().unwrap_or_default();
    let head = format!("{} {}", field("enqueued"), field("device"));
    let body = format!("{:<12} {}", field("type"), summary(event));
    output::coloured_line(&format!(
        "{}  {}",
        faint(&printable(&head)),
        printable(&body)
    ))
}

/// Describes a gap in the events.
fn gap(event: &JsonValue) -> String {
    let number = |name| event[name].as_u64().unwrap_or_default();
    let (since, complete_from) = (number("since"), number("completeFrom"));
    if since < complete_from {
        format!(
            "events between {} and {} were deleted by retention",
            since + 1,
            complete_from - 1
        )
    } else {
        format!("event {since} does not exist yet; starting with event {complete_from}")
    }
}

/// Describes an event in one line.
fn summary(event: &JsonValue) -> String {
    match event["type"].as_str() {
        Some("telemetry") => telemetry(event),
        Some("reported") => format!("{} (version {})", event["patch"], event["version"]),
        Some("tags") => event["tags"].to_string(),
        Some("desired") => format!("{} (version {})", event["desired"], event["version"]),
        Some("command") => command(event),
        Some("created" | "updated" | "deleted") => plain(&event["status"]),
        Some("connected") => plain(&event["modelId"]),
        Some("disconnected") => disconnected(event),
        Some("fault-started" | "fault-ended" | "fault-triggered") => fault(&event["fault"]),
        _ => plain(&event["reason"]),
    }
}

fn disconnected(event: &JsonValue) -> String {
    let since = event["since"].as_str();
    let since = since.map(|since| format!(", after {since}"));
    plain(&event["reason"]) + &since.unwrap_or_default()
}

fn command(event: &JsonValue) -> String {
    let field = |name| {
        let field = event.get(name).map(JsonValue::to_string);
        field.unwrap_or_default()
    };
    let call = format!("{}({})", plain(&event["name"]), field("payload"));
    let outcome = match event.get("error") {
        Some(error) => plain(error),
        None => format!("{} {}", field("status"), field("response")),
    };
    format!(
        "{call} -> {} in {} ms",
        outcome.trim_end(),
        field("durationMs")
    )
}

/// Returns the JSON of an event in which a fault has name and settings, as in `cloud fault --json`.
fn with_fault_parts(event: String) -> String {
    let members = Members::of(&event);
    let Ok(fault @ (Value::String(_) | Value::Object(_))) =
        serde_json::from_str(members.get("fault"))
    else {
        return event;
    };
    let (name, settings) = parts(&fault);
    let fault = json!({"name": name, "settings": settings}).to_string();
    let replaced = members.iter().map(|(name, value)| match name {
        "fault" => (name, fault.as_str()),
        _ => (name, value),
    });
    value::object(&replaced.collect::<Vec<_>>())
}

/// Returns the name of a fault; one with settings is an object.
fn fault(fault: &JsonValue) -> String {
    match fault.as_str() {
        Some(name) => name.to_owned(),
        None => fault.to_string(),
    }
}

fn telemetry(event: &JsonValue) -> String {
    let body = if event.get("body").is_some() {
        event["body"].to_string()
    } else if event.get("text").is_some() {
        plain(&event["text"])
    } else {
        format!("base64 {}", plain(&event["base64"]))
    };
    let component = event["component"].as_str().map(|name| format!("{name}: "));
    let properties = match event["properties"].as_object() {
        Some(properties) if !properties.is_empty() => format!("  {}", event["properties"]),
        _ => String::new(),
    };
    format!("{}{body}{properties}", component.unwrap_or_default())
}

fn plain(value: &JsonValue) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
