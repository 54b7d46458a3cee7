//! What a person wants done with an outbox.

use clap::Args;

use super::InspectArgs;

/// What to do with a device's outbox.
#[derive(Debug, Args)]
pub struct OutboxArgs {
    /// Send what is set aside once more, at the end of the outbox, or hand it to the component once more; by its id, or
    /// `all`. Needs the host to run.
    #[arg(long, value_name = "ID|all", value_parser = which, conflicts_with = "discard")]
    pub retry: Option<DeadLetterSelector>,
    /// Forget what is set aside. Needs the host to run.
    #[arg(long, value_name = "ID|all", value_parser = which)]
    pub discard: Option<DeadLetterSelector>,
    /// Whose outbox.
    #[command(flatten)]
    pub device: InspectArgs,
}

/// What of all that is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterSelector {
    /// Everything.
    All,
    /// What has this id.
    One(u64),
}

impl DeadLetterSelector {
    /// The id; none for everything.
    #[must_use]
    pub fn id(self) -> Option<u64> {
        match self {
            Self::All => None,
            Self::One(id) => Some(id),
        }
    }
}

fn which(text: &str) -> Result<DeadLetterSelector, String> {
    match text {
        "all" => Ok(DeadLetterSelector::All),
        _ => text
            .parse()
            .map(DeadLetterSelector::One)
            .map_err(|_| "write the id that `host outbox` lists, or `all`".to_owned()),
    }
}
