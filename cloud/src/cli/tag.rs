//! `cloud tag`

use clap::Args;
use serde_json::Value;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::DeviceOption,
    json_text::Members,
    output, twin, value,
};

#[derive(Args)]
pub(crate) struct TagCommand {
    /// Name of the tag
    name: String,
    /// Value: JSON, or a bare word for a string; `null` removes the tag
    #[arg(allow_negative_numbers = true)]
    value: String,
    #[command(flatten)]
    device: DeviceOption,
    /// Print JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl TagCommand {
    /// Sets the tag, and prints all tags.
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let device = self.device.pick(client)?;
        let tags = value::object(&[(&self.name, &value::typed(&self.value)?)]);
        let patch = value::object(&[("tags", &tags)]);
        let path = twin::path(&device);
        let twin = client.send_text(Policy::Service, "PATCH", &path, patch)?;
        let tags = Members::of(&twin).get("tags");
        if self.json {
            let version = output::SCHEMA_VERSION.to_string();
            let device = Value::from(device).to_string();
            let members = [
                ("schemaVersion", &*version),
                ("deviceId", &device),
                ("tags", tags),
            ];
            return output::json_text(&value::object(&members));
        }
        let tags = Members::of(tags);
        let rows = tags
            .iter()
            .map(|(name, value)| vec![name.to_owned(), value.to_owned()]);
        output::columns(&rows.collect::<Vec<_>>())
    }
}
