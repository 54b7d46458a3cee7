//! `cloud call`

use clap::Args;
use serde_json::{Map, Value};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::DeviceOption,
    output, twin,
    value::{self, at},
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
        let response = client.send(Policy::Service, "POST", &path, &self.request())?;
        output::pretty(if self.json {
            &response
        } else {
            at(&response, "/payload")
        })?;
        match at(&response, "/status").as_u64() {
            Some(status @ 400..) => Err(CommandError::request(format!(
                "{device} returned status {status} for method {}",
                self.method
            ))),
            _ => Ok(()),
        }
    }

    fn request(&self) -> Value {
        let name = match &self.component {
            Some(component) => format!("{component}*{}", self.method),
            None => self.method.clone(),
        };
        let mut request = Map::from_iter([
            ("methodName".to_owned(), name.into()),
            ("responseTimeoutInSeconds".to_owned(), self.timeout.into()),
            (
                "connectTimeoutInSeconds".to_owned(),
                self.connect_timeout.into(),
            ),
        ]);
        if let Some(payload) = &self.payload {
            request.insert("payload".to_owned(), value::typed(payload));
        }
        request.into()
    }
}
