//! `cloud fault`

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};
use cloud::faults::{Fault, OneShotFault};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    output,
    value::at,
};

const PATH: &str = "/api/faults";

#[derive(Args)]
#[command(subcommand_value_name = "FAULT", subcommand_help_heading = "Faults")]
pub(crate) struct FaultCommand {
    #[command(subcommand)]
    action: Option<FaultAction>,
    /// Affect this device only
    #[arg(long, short, global = true, env = "CLOUD_DEVICE", value_name = "ID")]
    device: Option<String>,
    /// Clear the fault after this time, such as 10s
    #[arg(
        long,
        global = true,
        env = "CLOUD_FAULT_DURATION",
        value_name = "DURATION"
    )]
    duration: Option<SignedDuration>,
    /// Print JSON
    #[arg(long, global = true, env = "CLOUD_JSON")]
    json: bool,
}

enum FaultAction {
    /// Starts or clears a lasting fault.
    Switch(Fault, FaultState),
    Immediate(ImmediateAction),
}

#[derive(Subcommand)]
enum ImmediateAction {
    #[command(flatten)]
    Trigger(OneShotFault),
    /// Clear all active faults
    Clear,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum FaultState {
    On,
    Off,
}

impl FaultCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let active = match &self.action {
            None => client.get(Policy::Service, PATH)?,
            Some(FaultAction::Immediate(ImmediateAction::Clear)) => {
                client.delete(Policy::Service, PATH)?
            }
            Some(FaultAction::Immediate(ImmediateAction::Trigger(fault))) => {
                self.post(client, json!({"oneShot": fault}))?
            }
            Some(FaultAction::Switch(fault, state)) => {
                let on = *state == FaultState::On;
                self.post(client, json!({"fault": fault, "on": on}))?
            }
        };
        let faults = active.as_array().map(Vec::as_slice).unwrap_or_default();
        if self.json {
            let faults: Vec<_> = faults.iter().map(document).collect();
            return output::document(json!({"faults": faults}));
        }
        if faults.is_empty() {
            output::note("no active faults");
        }
        output::columns(&faults.iter().map(row).collect::<Vec<_>>())
    }

    fn post(&self, client: &Client, mut request: Value) -> Result<Value, CommandError> {
        if let Some(request) = request.as_object_mut() {
            request.insert("device".into(), json!(self.device));
            request.insert("duration".into(), json!(self.duration));
        }
        client.send(Policy::Service, "POST", PATH, &request)
    }
}

/// Returns the name and the settings of a fault: its JSON is the name alone, or an object with one member.
pub(crate) fn parts(fault: &Value) -> (&str, Map<String, Value>) {
    let with_settings = fault.as_object().and_then(|fault| fault.iter().next());
    match with_settings {
        Some((name, settings)) => (name, settings.as_object().cloned().unwrap_or_default()),
        None => (fault.as_str().unwrap_or_default(), Map::new()),
    }
}

fn document(active: &Value) -> Value {
    let (name, settings) = parts(at(active, "/fault"));
    json!({
        "name": name,
        "settings": settings,
        "deviceId": at(active, "/device"),
        "since": at(active, "/since"),
        "until": at(active, "/until"),
    })
}

fn row(active: &Value) -> Vec<String> {
    let (name, settings) = parts(at(active, "/fault"));
    let text = |pointer| at(active, pointer).as_str();
    let settings = settings.iter().map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    let device = text("/device").map_or("all devices".to_owned(), |id| format!("device {id}"));
    let until = text("/until").map(|until| format!("until {until}"));
    vec![
        name.to_owned(),
        device,
        format!("since {}", text("/since").unwrap_or_default()),
        until.unwrap_or_default(),
        settings.collect::<Vec<_>>().join(" "),
    ]
}

/// Adds the argument `on` or `off` to lasting faults.
impl Subcommand for FaultAction {
    fn augment_subcommands(command: Command) -> Command {
        let state = Arg::new("state")
            .value_name("STATE")
            .help("Start (on) or clear (off) the fault")
            .default_value("on")
            .value_parser(clap::builder::EnumValueParser::<FaultState>::new());
        let lasting = Fault::augment_subcommands(command);
        ImmediateAction::augment_subcommands(lasting.mut_subcommands(|fault| fault.arg(&state)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Fault::has_subcommand(name) || ImmediateAction::has_subcommand(name)
    }
}

impl FromArgMatches for FaultAction {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((name, settings)) if Fault::has_subcommand(name) => {
                let state = settings.get_one("state").copied();
                let state = state.unwrap_or(FaultState::On);
                Ok(Self::Switch(Fault::from_arg_matches(matches)?, state))
            }
            _ => ImmediateAction::from_arg_matches(matches).map(Self::Immediate),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
