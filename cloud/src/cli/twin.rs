//! `cloud twin`

use clap::Args;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::{DeviceOption, encoded},
    json_text::Members,
    output, value,
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
        let twin = client.get_text(Policy::Service, &path(&device))?;
        if self.json {
            return output::json_text(&twin);
        }
        let twin = Members::of(&twin);
        let properties = Members::of(twin.get("properties"));
        let desired = without_metadata(properties.get("desired"));
        let reported = without_metadata(properties.get("reported"));
        output::json_text(&value::object(&[
            ("deviceId", twin.get("deviceId")),
            ("connectionState", twin.get("connectionState")),
            ("modelId", twin.get("modelId")),
            ("tags", twin.get("tags")),
            ("desired", &desired),
            ("reported", &reported),
        ]))
    }
}

pub(crate) fn path(device: &str) -> String {
    format!("/twins/{}", encoded(device))
}

fn without_metadata(properties: &str) -> String {
    let properties = Members::of(properties);
    let shown = properties.iter().filter(|(name, _)| *name != "$metadata");
    value::object(&shown.collect::<Vec<_>>())
}
