//! Options of `host outbox`.

use clap::Args;

use super::InspectArgs;

/// Options of `host outbox`.
#[derive(Debug, Args)]
pub struct OutboxArgs {
    /// Retry a dead letter; needs a running host
    #[arg(long, value_name = "ID|all", value_parser = selector, conflicts_with = "discard")]
    pub retry: Option<DeadLetterSelector>,
    /// Discard a dead letter; needs a running host
    #[arg(long, value_name = "ID|all", value_parser = selector)]
    pub discard: Option<DeadLetterSelector>,
    /// The device.
    #[command(flatten)]
    pub device: InspectArgs,
}

/// A selection of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterSelector {
    /// All dead letters.
    All,
    /// The dead letter with this id.
    One(u64),
}

impl DeadLetterSelector {
    /// Returns the id; `None` for all.
    #[must_use]
    pub fn id(self) -> Option<u64> {
        match self {
            Self::All => None,
            Self::One(id) => Some(id),
        }
    }
}

fn selector(text: &str) -> Result<DeadLetterSelector, String> {
    match text {
        "all" => Ok(DeadLetterSelector::All),
        _ => text
            .parse()
            .map(DeadLetterSelector::One)
            .map_err(|_| "expected an id that `host outbox` lists, or `all`".to_owned()),
    }
}
