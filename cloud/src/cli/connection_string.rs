//! `cloud connection-string`

use clap::{Args, builder::PossibleValuesParser};
use cloud::policies::Policies;
use serde_json::json;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::encoded,
    device_environment::{self, Identity},
    output,
    service_environment::{self, OWNER_POLICY, policy_key},
    value::at,
};

#[derive(Args)]
pub(crate) struct ConnectionStringCommand {
    /// Shared access policy, whose key is included
    #[arg(
        long,
        short,
        env = "CLOUD_POLICY",
        default_value = OWNER_POLICY,
        value_name = "NAME",
        value_parser = PossibleValuesParser::new(Policies::NAMES),
        conflicts_with = "device"
    )]
    policy: String,
    /// Print the connection string of this device instead, with its own key
    #[arg(long, short, env = "CLOUD_DEVICE", value_name = "ID")]
    device: Option<String>,
    /// Print JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl ConnectionStringCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let running = client.running();
        let text = match self.device.as_deref() {
            None => {
                let key = policy_key(client.policies(), &self.policy)?;
                service_environment::connection_string(running, &self.policy, key)
            }
            Some(id) => {
                let key = device_key(client, id)?;
                device_environment::connection_string(running, &Identity { id, key: &key })
            }
        };
        match self.json {
            true => output::document(json!({"connectionString": text})),
            false => output::line(&text),
        }
    }
}

/// Returns the primary key of a registered device.
pub(crate) fn device_key(client: &Client, id: &str) -> Result<String, CommandError> {
    let device = client.get(Policy::RegistryRead, &format!("/devices/{}", encoded(id)))?;
    let key = at(&device, "/authentication/symmetricKey/primaryKey").as_str();
    key.filter(|key| !key.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| CommandError::request(format!("device {id} has no symmetric key")))
}
