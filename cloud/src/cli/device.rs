//! Which device a command is for.

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::client::{Client, Policy};
use super::failure::Failure;

#[derive(Args)]
pub(crate) struct DeviceOption {
    /// The device; not needed if there is only one
    #[arg(long, short, env = "CLOUD_DEVICE", value_name = "ID")]
    device: Option<String>,
}

impl DeviceOption {
    /// The device named, or the only one there is.
    pub(crate) fn pick(&self, client: &Client) -> Result<String, Failure> {
        if let Some(device) = &self.device {
            return Ok(device.clone());
        }
        let ids = ids(&client.get(Policy::RegistryRead, "/devices")?);
        match ids.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Failure::request(
                "there is no device yet: enrol one with `cloud enrol ID` and start it",
            )),
            several => Err(Failure::settings(format!(
                "there are several devices, name one with --device: {}",
                several.join(", ")
            ))),
        }
    }
}

fn ids(devices: &Value) -> Vec<String> {
    let devices = devices.as_array().into_iter().flatten();
    devices
        .filter_map(|device| Some(device.get("deviceId")?.as_str()?.to_owned()))
        .collect()
}

/// A name as a part of a path or query.
pub(crate) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
