//! `cloud console`

use clap::Args;
use serde_json::json;

use super::client::{Client, Policy};
use super::failure::Failure;
use super::output;
use super::value::at;

#[derive(Args)]
pub(crate) struct Console {}

impl Console {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let answer = client.send(Policy::Owner, "POST", "/api/console/link", &json!({}))?;
        let link = at(&answer, "/url").as_str().map(output::line);
        link.unwrap_or_else(|| Err(Failure::request("the cloud answered without a link")))
    }
}
