//! `cloud tag`

use clap::Args;
use serde_json::{Map, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::DeviceOption,
    output, twin,
    value::{self, at},
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
}

impl TagCommand {
    /// Sets the tag, and prints all tags.
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let path = twin::path(&self.device.pick(client)?);
        let tags = Map::from_iter([(self.name.clone(), value::typed(&self.value))]);
        let patch = json!({ "tags": tags });
        let twin = client.send(Policy::Service, "PATCH", &path, &patch)?;
        output::pretty(at(&twin, "/tags"))
    }
}
