//! `cloud device`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    connection_string::device_key,
    device::encoded,
    device_environment::{Identity, connection_variables, trust_variables},
    output, program, shell,
    value::at,
};

#[derive(Args)]
pub(crate) struct DeviceCommand {
    #[command(subcommand)]
    action: DeviceAction,
    /// Print JSON
    #[arg(long, global = true, env = "CLOUD_JSON")]
    json: bool,
}

#[derive(Subcommand)]
enum DeviceAction {
    /// Register a device in the hub, without DPS, and print its environment variables
    Add {
        /// Device ID
        id: String,
    },
    /// Delete devices with their twins; their events and enrollments stay
    Delete {
        /// Device IDs
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Let devices connect again
    Enable {
        /// Device IDs
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Disconnect devices, and let them connect no more
    Disable {
        /// Device IDs
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

impl DeviceCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let each = |ids: &[String], change: &dyn Fn(&str) -> Result<&'static str, CommandError>| {
            ids.iter().try_for_each(|id| self.show(id, change(id)?))
        };
        match &self.action {
            DeviceAction::Add { id } => self.add(client, id),
            DeviceAction::Delete { ids } => each(ids, &|id| delete(client, id)),
            DeviceAction::Enable { ids } => each(ids, &|id| set_status(client, id, "enabled")),
            DeviceAction::Disable { ids } => each(ids, &|id| set_status(client, id, "disabled")),
        }
    }

    fn add(&self, client: &Client, id: &str) -> Result<(), CommandError> {
        if client.find(Policy::RegistryRead, &path(id))?.is_some() {
            let show =
                program::command(&format!("connection-string --device {}", shell::quoted(id)));
            return Err(CommandError::request(format!(
                "device {id} is registered already; `{show}` prints its connection string"
            )));
        }
        client.send(
            Policy::RegistryWrite,
            "PUT",
            &path(id),
            &json!({"deviceId": id}),
        )?;
        let key = device_key(client, id)?;
        let mut variables = connection_variables(client.running(), &Identity { id, key: &key });
        variables.extend(trust_variables(client.dir())?);
        shell::print_environment(id, variables, self.json)
    }

    fn show(&self, id: &str, status: &str) -> Result<(), CommandError> {
        match self.json {
            true => output::document_line(json!({"deviceId": id, "status": status})),
            false => output::line(&format!("device {id} {status}")),
        }
    }
}

fn delete(client: &Client, id: &str) -> Result<&'static str, CommandError> {
    client.delete(Policy::RegistryWrite, &path(id))?;
    let enrollment = format!("/enrollments/{}", encoded(id));
    if client.find(Policy::Provisioning, &enrollment)?.is_some() {
        output::note(&format!(
            "device {id} is still enrolled: when it provisions again, it is registered again"
        ));
    }
    Ok("deleted")
}

fn set_status(
    client: &Client,
    id: &str,
    status: &'static str,
) -> Result<&'static str, CommandError> {
    let mut device = client.get(Policy::RegistryRead, &path(id))?;
    if let Some(device) = device.as_object_mut() {
        device.insert("status".into(), status.into());
    }
    let updated: Value = client.update(&path(id), &device)?;
    match at(&updated, "/status") == status {
        true => Ok(status),
        false => Err(CommandError::request(format!(
            "device {id} is not {status}"
        ))),
    }
}

fn path(id: &str) -> String {
    format!("/devices/{}", encoded(id))
}
