//! `cloud fault`

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};
use cloud::faults::{self, Stroke};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::client::{Client, Policy};
use super::failure::Failure;
use super::output;

const PATH: &str = "/api/faults";

#[derive(Args)]
#[command(subcommand_value_name = "FAULT", subcommand_help_heading = "Faults")]
pub(crate) struct Fault {
    #[command(subcommand)]
    order: Option<Order>,
    /// For this device only
    #[arg(long, short, global = true, env = "CLOUD_DEVICE", value_name = "ID")]
    device: Option<String>,
    /// Let it end by itself after so long, such as 10s
    #[arg(long = "for", global = true, env = "CLOUD_FOR", value_name = "TIME")]
    lasts: Option<SignedDuration>,
}

/// What is to happen.
enum Order {
    Turn(faults::Fault, State),
    Once(Once),
}

#[derive(Subcommand)]
enum Once {
    #[command(flatten)]
    Stroke(Stroke),
    /// End all faults
    Clear,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum State {
    On,
    Off,
}

impl Fault {
    pub(crate) fn run(&self, client: &Client) -> Result<(), Failure> {
        let answer = match &self.order {
            None => client.get(Policy::Service, PATH)?,
            Some(Order::Once(Once::Clear)) => client.delete(Policy::Service, PATH)?,
            Some(Order::Once(Once::Stroke(stroke))) => {
                self.post(client, json!({"stroke": stroke}))?
            }
            Some(Order::Turn(fault, state)) => {
                let on = *state == State::On;
                self.post(client, json!({"fault": fault, "on": on}))?
            }
        };
        output::pretty(&answer)
    }

    fn post(&self, client: &Client, mut order: Value) -> Result<Value, Failure> {
        if let Some(order) = order.as_object_mut() {
            order.insert("device".into(), json!(self.device));
            order.insert("for".into(), json!(self.lasts));
        }
        client.send(Policy::Service, "POST", PATH, &order)
    }
}

/// Faults that last take `on` or `off` besides their settings.
impl Subcommand for Order {
    fn augment_subcommands(command: Command) -> Command {
        let state = Arg::new("state")
            .value_name("STATE")
            .help("on or off")
            .default_value("on")
            .value_parser(clap::builder::EnumValueParser::<State>::new());
        let lasting = faults::Fault::augment_subcommands(command);
        Once::augment_subcommands(lasting.mut_subcommands(|fault| fault.arg(&state)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        faults::Fault::has_subcommand(name) || Once::has_subcommand(name)
    }
}

impl FromArgMatches for Order {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((name, settings)) if faults::Fault::has_subcommand(name) => {
                let state = settings.get_one("state").copied().unwrap_or(State::On);
                Ok(Self::Turn(faults::Fault::from_arg_matches(matches)?, state))
            }
            _ => Once::from_arg_matches(matches).map(Self::Once),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
