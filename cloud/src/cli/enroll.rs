//! `cloud enroll`

use clap::Args;
use cloud::{dir::DEFAULT_GROUP, dps::RegistrationId, sas::derive_key};
use serde_json::{Value, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::encoded,
    device_environment::{Identity, provisioning_variables, trust_variables},
    shell,
    value::at,
};

#[derive(Args)]
pub(crate) struct EnrollCommand {
    /// Registration id, which becomes the device ID
    id: String,
    /// Enroll in an enrollment group, by default the group `default`
    #[arg(long, env = "CLOUD_GROUP", value_name = "NAME", num_args = 0..=1, default_missing_value = DEFAULT_GROUP)]
    group: Option<String>,
    /// Print JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl EnrollCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let key = match &self.group {
            None => self.individual_key(client)?,
            Some(group) => self.group_key(client, group)?,
        };
        let identity = Identity {
            id: &self.id,
            key: &key,
        };
        let mut variables = provisioning_variables(client.running(), &identity);
        variables.extend(trust_variables(client.dir())?);
        shell::print_environment(&self.id, variables, self.json)
    }

    /// Makes an individual enrollment, or uses the one there is, and returns its key.
    fn individual_key(&self, client: &Client) -> Result<String, CommandError> {
        let path = format!("/enrollments/{}", encoded(&self.id));
        if let Some(enrollment) = client.find(Policy::Provisioning, &path)? {
            return key(&enrollment);
        }
        let body = json!({"registrationId": self.id, "attestation": {"type": "symmetricKey"}});
        key(&client.send(Policy::Provisioning, "PUT", &path, &body)?)
    }

    fn group_key(&self, client: &Client, group: &str) -> Result<String, CommandError> {
        RegistrationId::parse(&self.id).map_err(CommandError::settings)?;
        let path = format!("/enrollmentGroups/{}", encoded(group));
        let group_key = key(&client.get(Policy::Provisioning, &path)?)?;
        derive_key(&group_key, &self.id).ok_or_else(|| {
            CommandError::request(format!(
                "the key of enrollment group {group:?} is not base64"
            ))
        })
    }
}

fn key(enrollment: &Value) -> Result<String, CommandError> {
    let key = at(enrollment, "/attestation/symmetricKey/primaryKey").as_str();
    key.map(str::to_owned)
        .ok_or_else(|| CommandError::request("no symmetric key in the enrollment"))
}
