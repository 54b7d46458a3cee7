//! `cloud set`

use std::{io, time::Duration};

use clap::Args;
use cloud::json::JsonValue;
use serde_json::Value;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::DeviceOption,
    output::{self, SCHEMA_VERSION},
    stream::{self, EventSelection},
    twin,
    value::{self, at},
};

#[derive(Args)]
pub(crate) struct SetCommand {
    /// Name of the property
    name: String,
    /// Value: JSON, or a bare word for a string; `null` removes the property
    #[arg(allow_negative_numbers = true)]
    value: String,
    #[command(flatten)]
    device: DeviceOption,
    /// Plug and Play component of the property
    #[arg(long, short, env = "CLOUD_COMPONENT", value_name = "NAME")]
    component: Option<String>,
    /// Do not wait for the acknowledgment of the device
    #[arg(long, env = "CLOUD_NO_WAIT")]
    no_wait: bool,
    /// Time to wait for the acknowledgment, in seconds
    #[arg(
        long,
        env = "CLOUD_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS"
    )]
    timeout: u64,
    /// Print the acknowledgment as JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl SetCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let device = self.device.pick(client)?;
        let component = self.component.as_deref();
        let desired = value::property(component, &self.name, &value::typed(&self.value)?);
        let properties = value::object(&[("desired", &desired)]);
        let patch = value::object(&[("properties", &properties)]);
        let path = twin::path(&device);
        if self.no_wait {
            return client
                .send_text(Policy::Service, "PATCH", &path, patch)
                .map(drop);
        }
        let events = stream::open(client, &self.acknowledgments(&device))?;
        let twin = client.send_text(Policy::Service, "PATCH", &path, patch)?;
        let twin: Value = serde_json::from_str(&twin).map_err(CommandError::request)?;
        if at(&twin, "/connectionState") != "Connected" {
            output::note(&format!(
                "{device} is disconnected; the property is delivered when it connects"
            ));
        }
        let version = at(&twin, "/properties/desired/$version").as_u64();
        self.show(&device, &self.acknowledgment(events, version.unwrap_or(0))?)
    }

    fn acknowledgments<'a>(&self, device: &'a str) -> EventSelection<'a> {
        EventSelection {
            devices: vec![device],
            last: Some(0),
            follow: true,
            limit: Some(Duration::from_secs(self.timeout)),
            ..EventSelection::default()
        }
    }

    fn acknowledgment(
        &self,
        events: impl Iterator<Item = io::Result<JsonValue>>,
        version: u64,
    ) -> Result<JsonValue, CommandError> {
        for event in events {
            let event = event.map_err(|error| self.stream_error(&error))?;
            if let Some(acknowledgment) = self.acknowledges(&event, version) {
                return Ok(acknowledgment.clone());
            }
        }
        Err(CommandError::request(
            "the cloud stopped before the device acknowledged the property",
        ))
    }

    fn acknowledges<'a>(&self, event: &'a JsonValue, version: u64) -> Option<&'a JsonValue> {
        let patch = event.get("patch")?;
        let properties = match &self.component {
            Some(component) => patch.get(component)?,
            None => patch,
        };
        let acknowledgment = properties.get(&self.name)?;
        (acknowledgment.get("av")?.as_u64()? >= version).then_some(acknowledgment)
    }

    fn stream_error(&self, error: &io::Error) -> CommandError {
        if !stream::is_timeout(error) {
            return CommandError::request(format!("event stream interrupted: {error}"));
        }
        CommandError::request(format!(
            "no acknowledgment within {} s; the desired property stays set: check that the device is connected and knows it",
            self.timeout
        ))
    }

    fn show(&self, device: &str, acknowledgment: &JsonValue) -> Result<(), CommandError> {
        let status = acknowledgment["ac"].as_u64();
        match self.json {
            true => output::json_text(&self.document(device, acknowledgment))?,
            false => output::line(&describe(&self.name, acknowledgment))?,
        }
        match status {
            Some(status @ 400..) => Err(CommandError::request(format!(
                "the device rejected {} with status {status}",
                self.name
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the acknowledgment as JSON, with the members of Plug and Play.
    fn document(&self, device: &str, acknowledgment: &JsonValue) -> String {
        let text = |value: JsonValue| value.to_string();
        let member = |name: &str| acknowledgment[name].to_string();
        value::object(&[
            ("schemaVersion", &SCHEMA_VERSION.to_string()),
            ("deviceId", &text(device.into())),
            ("component", &text(self.component.as_deref().into())),
            ("property", &text(self.name.as_str().into())),
            ("value", &member("value")),
            ("ac", &member("ac")),
            ("ad", &member("ad")),
            ("av", &member("av")),
        ])
    }
}

/// Describes an acknowledgment in one line.
fn describe(property: &str, acknowledgment: &JsonValue) -> String {
    let member = |name| &acknowledgment[name];
    let (value, status, version) = (member("value"), member("ac"), member("av"));
    let description = member("ad").as_str().filter(|text| !text.is_empty());
    let description = description.map(|text| format!(": {text}"));
    format!(
        "{property} = {value}, acknowledged with status {status}, version {version}{}",
        description.unwrap_or_default()
    )
}
