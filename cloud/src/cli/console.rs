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
    /// Sign all browsers out instead
    #[arg(long, env = "CLOUD_SIGN_OUT")]
    sign_out: bool,
    /// Print JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl ConsoleCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        if self.sign_out {
            return self.sign_out(client);
        }
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

    fn sign_out(&self, client: &Client) -> Result<(), CommandError> {
        let response = client.delete(Policy::Owner, "/api/console/sessions")?;
        let ended = at(&response, "/ended").as_u64().unwrap_or_default();
        match (self.json, ended) {
            (true, _) => output::document(json!({"sessionsEnded": ended})),
            (false, 1) => output::line("1 session ended"),
            (false, _) => output::line(&format!("{ended} sessions ended")),
        }
    }
}
