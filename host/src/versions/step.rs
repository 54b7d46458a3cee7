//! The steps of a swap, and its triggers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A step of a swap. Each has a log line and a counter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapStep {
    /// Swap requested; the candidate is being prepared.
    #[serde(alias = "asked")]
    Requested,
    /// Candidate compiled and checked; waiting for the current call.
    Prepared,
    /// Candidate identical to the running version; nothing to do.
    #[serde(alias = "same")]
    Unchanged,
    /// Candidate rejected.
    #[serde(alias = "refused")]
    Rejected,
    /// Candidate superseded by a newer request, before its start or on probation.
    #[serde(alias = "replaced")]
    Superseded,
    /// Candidate started, on probation.
    #[serde(alias = "begun")]
    Started,
    /// Probation continued in a new process.
    #[serde(alias = "continued")]
    Resumed,
    /// Candidate accepted.
    Accepted,
    /// Version rolled back and quarantined.
    RolledBack,
    /// Call of an accepted version failed; the version stays.
    Failed,
}

impl SwapStep {
    /// All steps.
    pub const ALL: [Self; 10] = [
        Self::Requested,
        Self::Prepared,
        Self::Unchanged,
        Self::Rejected,
        Self::Superseded,
        Self::Started,
        Self::Resumed,
        Self::Accepted,
        Self::RolledBack,
        Self::Failed,
    ];

    /// Returns true if no step follows for the requester.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Unchanged | Self::Rejected | Self::Superseded | Self::Accepted | Self::RolledBack
        )
    }

    /// Returns true if the history records this step. Intermediate steps are only logged and counted.
    #[must_use]
    pub fn is_recorded(self) -> bool {
        !matches!(self, Self::Requested | Self::Prepared | Self::Unchanged)
    }

    /// Returns the name used in JSON, logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Prepared => "prepared",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Started => "started",
            Self::Resumed => "resumed",
            Self::Accepted => "accepted",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for SwapStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The trigger of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapSource {
    /// The start of the host, with another file than before.
    Start,
    /// `--watch`: the file has changed.
    Watch,
    /// SIGHUP.
    Signal,
    /// `host swap` or `host rollback`.
    Command,
    /// The host itself, because the version failed.
    Host,
}

impl SwapSource {
    /// Returns true if the candidate is the `--component` file.
    #[must_use]
    pub fn is_component_file(self) -> bool {
        matches!(self, Self::Start | Self::Watch | Self::Signal)
    }

    /// Returns the name used in JSON and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Watch => "watch",
            Self::Signal => "signal",
            Self::Command => "command",
            Self::Host => "host",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_steps_are_those_in_json() {
        for step in SwapStep::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
        for source in [
            SwapSource::Start,
            SwapSource::Watch,
            SwapSource::Signal,
            SwapSource::Command,
            SwapSource::Host,
        ] {
            assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        }
    }
}
