//! `cloud call`

use clap::Args;
use serde_json::{Map, Value};

use super::client::{Client, Policy};
use super::device::DeviceOption;
use super::failure::Failure;
use super::value::at;
use super::{output, twin, value};

#[derive(Args)]
pub(crate) struct Call {
    /// The command
    command: String,
    /// JSON, or a bare word for a string; nothing is an empty request
    #[arg(allow_negative_numbers = true)]
    payload: Option<String>,
    #[command(flatten)]
    device: DeviceOption,
    /// The Plug and Play component the command belongs to
    #[arg(long, short, env = "CLOUD_COMPONENT", value_name = "NAME")]
    component: Option<String>,
    /// How many seconds the device may take to answer (5 to 300)
    #[arg(
        long,
        env = "CLOUD_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS"
    )]
    timeout: u64,
    /// How many seconds to wait for the device to be connected (0 to 300)
    #[arg(
        long,
        env = "CLOUD_CONNECT_TIMEOUT",
        default_value_t = 0,
        value_name = "SECONDS"
    )]
    connect_timeout: u64,
    /// Print the status too: {status, payload}
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl Call {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let device = self.device.pick(client)?;
        let path = format!("{}/methods", twin::path(&device));
        let answer = client.send(Policy::Service, "POST", &path, &self.request())?;
        output::pretty(if self.json {
            &answer
        } else {
            at(&answer, "/payload")
        })?;
        match at(&answer, "/status").as_u64() {
            Some(status @ 400..) => Err(Failure::request(format!(
                "{device} answered {} with status {status}",
                self.command
            ))),
            _ => Ok(()),
        }
    }

    fn request(&self) -> Value {
        let name = match &self.component {
            Some(component) => format!("{component}*{}", self.command),
            None => self.command.clone(),
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
