//! `cloud console`

use clap::Args;
use serde_json::json;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    output,
    value::at,
};

#[derive(Args)]
pub(crate) struct ConsoleCommand {
    /// Print JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl ConsoleCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let response = client.send(Policy::Owner, "POST", "/api/console/link", &json!({}))?;
        let link = at(&response, "/url").as_str().map(|url| match self.json {
            true => output::document(json!({"url": url})),
            false => output::line(url),
        });
        link.unwrap_or_else(|| {
            Err(CommandError::request(
                "no sign-in link in the response of the cloud",
            ))
        })
    }
}
