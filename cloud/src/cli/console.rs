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
    #[arg(long)]
    sign_out: bool,
}

impl ConsoleCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        if self.sign_out {
            return sign_out(client);
        }
        let response = client.send(Policy::Owner, "POST", "/api/console/link", &json!({}))?;
        let link = at(&response, "/url").as_str().map(output::line);
        link.unwrap_or_else(|| {
            Err(CommandError::request(
                "no sign-in link in the response of the cloud",
            ))
        })
    }
}

fn sign_out(client: &Client) -> Result<(), CommandError> {
    let response = client.delete(Policy::Owner, "/api/console/sessions")?;
    output::line(&match at(&response, "/ended").as_u64() {
        Some(1) => "1 session ended".to_owned(),
        ended => format!("{} sessions ended", ended.unwrap_or_default()),
    })
}
