//! `cloud twin`

use clap::Args;
use serde_json::{Value, json};

use super::client::{Client, Policy};
use super::device::{DeviceOption, encoded};
use super::failure::Failure;
use super::output;

#[derive(Args)]
pub(crate) struct Twin {
    #[command(flatten)]
    device: DeviceOption,
    /// Print the whole twin, with metadata, as Azure has it
    #[arg(long)]
    json: bool,
}

impl Twin {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let device = self.device.pick(client)?;
        let twin = client.get(Policy::Service, &path(&device))?;
        if self.json {
            return output::pretty(&twin);
        }
        output::pretty(&json!({
            "deviceId": twin["deviceId"],
            "connectionState": twin["connectionState"],
            "modelId": twin["modelId"],
            "tags": twin["tags"],
            "desired": without_metadata(&twin["properties"]["desired"]),
            "reported": without_metadata(&twin["properties"]["reported"]),
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
