//! `cloud send`

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::{DeviceOption, encoded},
    output,
    value::at,
};

#[derive(Args)]
pub(crate) struct SendCommand {
    /// Body, as text
    body: String,
    #[command(flatten)]
    device: DeviceOption,
    /// Application property of the message (repeatable)
    #[arg(long, short, env = "CLOUD_PROPERTY", value_name = "NAME=VALUE", value_parser = pair)]
    property: Vec<(String, String)>,
    /// Content type, such as application/json
    #[arg(long, env = "CLOUD_CONTENT_TYPE", value_name = "TYPE")]
    content_type: Option<String>,
    /// Content encoding, such as utf-8
    #[arg(long, env = "CLOUD_CONTENT_ENCODING", value_name = "ENCODING")]
    content_encoding: Option<String>,
    /// Message id [default: a new one]
    #[arg(long, env = "CLOUD_MESSAGE_ID", value_name = "ID")]
    message_id: Option<String>,
    /// Print JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
    /// Time from which it is not delivered, as in RFC 3339, at most 2 days ahead [default: in an hour]
    #[arg(long, env = "CLOUD_EXPIRY_TIME_UTC", value_name = "TIME")]
    expiry_time_utc: Option<String>,
}

impl SendCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let device = self.device.pick(client)?;
        let path = format!("/api/devices/{}/messages", encoded(&device));
        let response = client.send(Policy::Service, "POST", &path, &self.message())?;
        let id = at(&response, "/messageId").as_str().unwrap_or_default();
        if self.json {
            return output::document(json!({"deviceId": device, "messageId": id}));
        }
        output::line(&format!("message {id} queued for {device}"))
    }

    fn message(&self) -> Value {
        let properties: BTreeMap<_, _> = self.property.iter().cloned().collect();
        json!({
            "text": self.body,
            "messageId": self.message_id,
            "expiryTimeUtc": self.expiry_time_utc,
            "contentType": self.content_type,
            "contentEncoding": self.content_encoding,
            "properties": properties,
        })
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("no '=' in it: write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
