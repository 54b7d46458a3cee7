//! `cloud enrol`

use clap::Args;
use cloud::dir::DEFAULT_GROUP;
use cloud::sas::derive_key;
use serde_json::{Value, json};

use super::client::{Client, Policy};
use super::device::encoded;
use super::device_environment::{Identity, provisioning};
use super::failure::Failure;
use super::output;
use super::value::at;

#[derive(Args)]
pub(crate) struct Enrol {
    /// The device's registration id, which becomes its device id
    id: String,
    /// As a member of an enrolment group, by default the one every cloud has
    #[arg(long, env = "CLOUD_GROUP", value_name = "NAME", num_args = 0..=1, default_missing_value = DEFAULT_GROUP)]
    group: Option<String>,
}

impl Enrol {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let key = match &self.group {
            None => self.alone(client)?,
            Some(group) => self.in_group(client, group)?,
        };
        let identity = Identity {
            id: &self.id,
            key: &key,
        };
        let certificate = client.certificate();
        for (name, value) in provisioning(client.running(), certificate, &identity) {
            output::line(&format!("export {name}={}", quoted(&value)))?;
        }
        Ok(())
    }

    /// An enrolment that is there keeps its keys.
    fn alone(&self, client: &Client) -> Result<String, Failure> {
        let path = format!("/enrollments/{}", encoded(&self.id));
        let body = json!({"registrationId": self.id, "attestation": {"type": "symmetricKey"}});
        key(&client.send(Policy::Provisioning, "PUT", &path, &body)?)
    }

    fn in_group(&self, client: &Client, group: &str) -> Result<String, Failure> {
        let path = format!("/enrollmentGroups/{}", encoded(group));
        let group_key = key(&client.get(Policy::Provisioning, &path)?)?;
        derive_key(&group_key, &self.id)
            .ok_or_else(|| Failure::request(format!("the key of group {group:?} is not base64")))
    }
}

fn key(enrolment: &Value) -> Result<String, Failure> {
    let key = at(enrolment, "/attestation/symmetricKey/primaryKey").as_str();
    key.map(str::to_owned)
        .ok_or_else(|| Failure::request("the cloud's answer has no symmetric key"))
}

/// As a shell reads it.
pub(super) fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@,%".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(quoted("localhost:8883"), "localhost:8883");
        assert_eq!(quoted("a$b (c)'d"), "'a$b (c)'\\''d'");
        assert_eq!(quoted(""), "''");
    }
}
