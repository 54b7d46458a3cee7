//! `cloud set`

use std::io;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::client::{Client, Policy};
use super::device::DeviceOption;
use super::failure::Failure;
use super::stream::{self, Selection};
use super::value::at;
use super::{output, twin, value};

#[derive(Args)]
pub(crate) struct Set {
    /// The property
    name: String,
    /// JSON, or a bare word for a string; `null` removes
    #[arg(allow_negative_numbers = true)]
    value: String,
    #[command(flatten)]
    device: DeviceOption,
    /// The Plug and Play component the property belongs to
    #[arg(long, short, env = "CLOUD_COMPONENT", value_name = "NAME")]
    component: Option<String>,
    /// Do not wait for the device's acknowledgment
    #[arg(long, env = "CLOUD_NO_WAIT")]
    no_wait: bool,
    /// How many seconds to wait for it
    #[arg(
        long,
        env = "CLOUD_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS"
    )]
    timeout: u64,
}

impl Set {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let device = self.device.pick(client)?;
        let component = self.component.as_deref();
        let desired = value::property(component, &self.name, value::typed(&self.value));
        let patch = json!({"properties": {"desired": desired}});
        let path = twin::path(&device);
        if self.no_wait {
            return client
                .send(Policy::Service, "PATCH", &path, &patch)
                .map(drop);
        }
        let events = stream::open(client, &self.awaited(&device))?;
        let twin = client.send(Policy::Service, "PATCH", &path, &patch)?;
        if at(&twin, "/connectionState") != "Connected" {
            output::note(&format!(
                "{device} is not connected: it gets the value when it connects"
            ));
        }
        let version = at(&twin, "/properties/desired/$version").as_u64();
        self.show(self.acknowledgment(events, version.unwrap_or(0))?)
    }

    fn awaited<'a>(&self, device: &'a str) -> Selection<'a> {
        Selection {
            devices: vec![device],
            last: Some(0),
            follow: true,
            limit: Some(Duration::from_secs(self.timeout)),
            ..Selection::default()
        }
    }

    fn acknowledgment(
        &self,
        events: impl Iterator<Item = io::Result<Value>>,
        version: u64,
    ) -> Result<Value, Failure> {
        for event in events {
            let event = event.map_err(|error| self.unacknowledged(&error))?;
            if let Some(acknowledgment) = self.acknowledges(&event, version) {
                return Ok(acknowledgment.clone());
            }
        }
        Err(Failure::request(
            "the cloud ended before the device had acknowledged",
        ))
    }

    fn acknowledges<'a>(&self, event: &'a Value, version: u64) -> Option<&'a Value> {
        let patch = event.get("patch")?;
        let properties = match &self.component {
            Some(component) => patch.get(component)?,
            None => patch,
        };
        let acknowledgment = properties.get(&self.name)?;
        (acknowledgment.get("av")?.as_u64()? >= version).then_some(acknowledgment)
    }

    fn unacknowledged(&self, error: &io::Error) -> Failure {
        if !stream::is_over(error) {
            return Failure::request(format!("lost the cloud's events: {error}"));
        }
        Failure::request(format!(
            "no acknowledgment within {} s: the value stays set, and the device gets it when it can",
            self.timeout
        ))
    }

    fn show(&self, acknowledgment: Value) -> Result<(), Failure> {
        output::pretty(&acknowledgment)?;
        match at(&acknowledgment, "/ac").as_u64() {
            Some(status @ 400..) => Err(Failure::request(format!(
                "the device refused {} ({status})",
                self.name
            ))),
            _ => Ok(()),
        }
    }
}
