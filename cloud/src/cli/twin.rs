//! `cloud twin`

use clap::Args;
use serde_json::{Value, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::{DeviceOption, encoded},
    output,
    value::at,
};

#[derive(Args)]
pub(crate) struct TwinCommand {
    #[command(flatten)]
    device: DeviceOption,
    /// Print the whole twin with metadata, in Azure's format
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl TwinCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let device = self.device.pick(client)?;
        let twin = client.get(Policy::Service, &path(&device))?;
        if self.json {
            return output::pretty(&twin);
        }
        output::pretty(&json!({
            "deviceId": at(&twin, "/deviceId"),
            "connectionState": at(&twin, "/connectionState"),
            "modelId": at(&twin, "/modelId"),
            "tags": at(&twin, "/tags"),
            "desired": without_metadata(at(&twin, "/properties/desired")),
            "reported": without_metadata(at(&twin, "/properties/reported")),
        }))
    }
}

pub(crate) fn path(device: &str) -> String {
    format!("/twins/{}", encoded(device))
}

fn without_metadata(properties: &Value) -> Value {
    let mut properties = properties.clone();
    if let Some(properties) = properties.as_object_mut() {
        properties.remove("$metadata");
    }
    properties
}
