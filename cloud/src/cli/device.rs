//! The device of a command.

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    program,
};

#[derive(Args)]
pub(crate) struct DeviceOption {
    /// Device ID [default: the only registered device]
    #[arg(long, short, env = "CLOUD_DEVICE", value_name = "ID")]
    device: Option<String>,
}

impl DeviceOption {
    /// Returns the selected device, or the only registered one.
    pub(crate) fn pick(&self, client: &Client) -> Result<String, CommandError> {
        if let Some(device) = &self.device {
            return Ok(device.clone());
        }
        let ids = ids(&client.get(Policy::RegistryRead, "/devices")?);
        match ids.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(CommandError::request(none_registered())),
            several => Err(CommandError::settings(format!(
                "several devices are registered: select one with --device ({})",
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

/// The message if no device is registered.
pub(crate) fn none_registered() -> String {
    let enroll = program::command("enroll ID");
    format!("no device is registered: enroll one with `{enroll}`, then start it")
}

/// Percent-encodes a name for a path or query.
pub(crate) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
