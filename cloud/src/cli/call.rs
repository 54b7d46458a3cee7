//! `cloud call`

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
pub(crate) struct CallCommand {
    /// Name of the method
    method: String,
    /// Payload: JSON, or a bare word for a string [default: none]
    #[arg(allow_negative_numbers = true)]
    payload: Option<String>,
    #[command(flatten)]
    device: DeviceOption,
    /// Plug and Play component of the command
    #[arg(long, short, env = "CLOUD_COMPONENT", value_name = "NAME")]
    component: Option<String>,
    /// Response timeout of the device, in seconds (5 to 300)
    #[arg(
        long,
        env = "CLOUD_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS"
    )]
    timeout: u64,
    /// Time to wait for the device to connect, in seconds (0 to 300)
    #[arg(
        long,
        env = "CLOUD_CONNECT_TIMEOUT",
        default_value_t = 0,
        value_name = "SECONDS"
    )]
    connect_timeout: u64,
    /// Print status and payload as JSON: {status, payload}
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl CallCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let device = self.device.pick(client)?;
        let path = format!("{}/methods", twin::path(&device));
        let response = client.send_text(Policy::Service, "POST", &path, self.request()?)?;
        let members = Members::of(&response);
        let (status, payload) = (members.get("status"), members.get("payload"));
        match (self.json, payload) {
            (true, _) => output::json_text(&response)?,
            // The device has answered without a payload.
            (false, "null") => {}
            (false, payload) => output::json_text(payload)?,
        }
        match status.parse() {
            Ok(400_i64..) => Err(CommandError::request(format!(
                "{device} returned status {status} for method {}",
                self.method
            ))),
            _ => Ok(()),
        }
    }

    fn request(&self) -> Result<String, CommandError> {
        let name = match &self.component {
            Some(component) => format!("{component}*{}", self.method),
            None => self.method.clone(),
        };
        let name = Value::from(name).to_string();
        let (timeout, connect) = (self.timeout.to_string(), self.connect_timeout.to_string());
        let payload = self.payload.as_deref().map(value::typed).transpose()?;
        let mut request = vec![
            ("methodName", &*name),
            ("responseTimeoutInSeconds", &timeout),
            ("connectTimeoutInSeconds", &connect),
        ];
        request.extend(payload.as_deref().map(|payload| ("payload", payload)));
        Ok(value::object(&request))
    }
}
