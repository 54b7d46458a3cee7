//! `cloud fault`

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client::{Client, Policy};
use super::failure::Failure;
use super::output;

const PATH: &str = "/api/faults";

#[derive(Args)]
pub(crate) struct Fault {
    #[command(subcommand)]
    switch: Option<Switch>,
}

#[derive(Subcommand)]
enum Switch {
    /// End every device connection with a TCP reset
    Reset,
    /// Reset new device connections as soon as they are accepted
    Refuse {
        /// on or off
        state: State,
    },
    /// Take what devices send, but acknowledge nothing
    WithholdAcks {
        /// on or off
        state: State,
    },
    /// Forget the devices' sessions: the next connection finds none, subscriptions are gone
    ForgetSessions,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum State {
    On,
    Off,
}

impl Fault {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let answer = match &self.switch {
            None => client.get(Policy::Service, PATH)?,
            Some(switch) => client.send(Policy::Service, "POST", PATH, &switch.change())?,
        };
        output::pretty(&answer)
    }
}

impl Switch {
    fn change(&self) -> Value {
        match self {
            Self::Reset => json!({"resetConnections": true}),
            Self::Refuse { state } => json!({"refuseConnects": *state == State::On}),
            Self::WithholdAcks { state } => json!({"withholdAcks": *state == State::On}),
            Self::ForgetSessions => json!({"forgetSessions": true}),
        }
    }
}
