//! `cloud devices`

use clap::Args;
use serde_json::Value;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::none_registered,
    output,
};

#[derive(Args)]
pub(crate) struct DevicesCommand {
    /// Print JSON (without keys)
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl DevicesCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let mut devices = client.get(Policy::RegistryRead, "/devices")?;
        let list = devices.as_array_mut().map(Vec::as_mut_slice);
        let list = list.unwrap_or_default();
        if self.json {
            list.iter_mut().for_each(remove_keys);
            return output::pretty(&list);
        }
        if list.is_empty() {
            output::note(&none_registered());
        }
        list.iter()
            .try_for_each(|device| output::line(&row(device)))
    }
}

fn remove_keys(device: &mut Value) {
    if let Some(device) = device.as_object_mut() {
        device.remove("authentication");
    }
}

fn row(device: &Value) -> String {
    let field = |name| device.get(name).and_then(Value::as_str).unwrap_or("?");
    let disabled = match field("status") {
        "enabled" => "",
        _ => "  disabled",
    };
    format!(
        "{:<24} {:<12}  last active {}{disabled}",
        field("deviceId"),
        field("connectionState").to_lowercase(),
        activity(field("lastActivityTime")),
    )
}

fn activity(time: &str) -> &str {
    if time.starts_with("0001-") {
        "never"
    } else {
        time
    }
}
