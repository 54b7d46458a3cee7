//! `cloud tag`

use clap::Args;
use serde_json::{Map, json};

use super::client::{Client, Policy};
use super::device::DeviceOption;
use super::failure::Failure;
use super::value::at;
use super::{output, twin, value};

#[derive(Args)]
pub(crate) struct Tag {
    /// The tag
    name: String,
    /// JSON, or a bare word for a string; `null` removes
    #[arg(allow_negative_numbers = true)]
    value: String,
    #[command(flatten)]
    device: DeviceOption,
}

impl Tag {
    /// Shows all tags as they are then.
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let path = twin::path(&self.device.pick(client)?);
        let tags = Map::from_iter([(self.name.clone(), value::typed(&self.value))]);
        let patch = json!({ "tags": tags });
        let twin = client.send(Policy::Service, "PATCH", &path, &patch)?;
        output::pretty(at(&twin, "/tags"))
    }
}
