//! The version to roll back to during a probation, and what is known of the probation.

use serde::{Deserialize, Serialize};

use super::version_table::{RunningVersion, Settings};
use crate::contract::timers::PersistedTimer;

/// The state of a device at a swap, to which a rollback returns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallbackState {
    /// The record.
    pub record: Option<String>,
    /// The timers.
    pub timers: Vec<PersistedTimer>,
    /// The ends of outbox and dead letters.
    #[serde(default)]
    pub marks: ProbationMarks,
    /// The boot of the machine in which the version on probation was started last; `None` if it is not known.
    #[serde(default, rename = "bootId")]
    pub boot_id: Option<String>,
    /// The settings of the version to roll back to; `None` in the state of an older host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

/// The version a device rolls back to while another is on probation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// The version.
    pub version: RunningVersion,
    /// The state at the swap.
    #[serde(flatten)]
    pub state: FallbackState,
    /// Unclean exits of the host during probation, within one boot of the machine.
    #[serde(rename = "uncleanExits", alias = "ended")]
    pub unclean_exits: u32,
    /// True if the host's last exit was clean.
    #[serde(rename = "cleanExit", alias = "clean")]
    pub clean_exit: bool,
}

/// The end of a process during a probation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviousExit {
    /// An orderly stop.
    Clean,
    /// With the machine: a power cut, or a reboot.
    WithMachine,
    /// A kill or a crash, the first one in this boot.
    Killed,
    /// A kill or a crash, not the first one in this boot.
    KilledAgain,
}

/// The ends of outbox and dead letters at the start of a probation: what follows is the candidate's, and a rollback takes
/// it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbationMarks {
    /// The id of the first outbox entry since.
    pub first_outgoing: u64,
    /// The id of the last dead letter before.
    pub last_dead_letter: u64,
    /// Later outbox entries that are not the candidate's: dead letters an operator has retried.
    pub retried: Vec<u64>,
}

impl ProbationMarks {
    /// Returns true if the outbox entry with this id is the candidate's.
    #[must_use]
    pub fn is_candidates(&self, outgoing: u64) -> bool {
        outgoing >= self.first_outgoing && !self.retried.contains(&outgoing)
    }
}

impl Default for ProbationMarks {
    /// The marks of a probation that an older host has begun: nothing is known to be the candidate's.
    fn default() -> Self {
        Self {
            first_outgoing: u64::MAX,
            last_dead_letter: u64::MAX,
            retried: Vec::new(),
        }
    }
}

impl Fallback {
    /// Creates the fallback of a probation that begins.
    #[must_use]
    pub fn new(version: RunningVersion, state: FallbackState) -> Self {
        Self {
            version,
            state,
            unclean_exits: 0,
            clean_exit: false,
        }
    }

    /// Begins the probation of another candidate, in this boot of the machine. Exits during that of the one before say nothing
    /// of it.
    pub fn restart_probation(&mut self, boot_id: Option<String>) {
        (self.unclean_exits, self.clean_exit) = (0, false);
        self.state.boot_id = boot_id;
    }

    /// Continues the probation in a new process, in this boot of the machine. Returns how the process before has ended.
    ///
    /// The end of a boot takes the process with it: a power cut, a reboot by a watchdog. It says nothing of the version, so
    /// unclean exits count within one boot only.
    pub fn resume_probation(&mut self, boot_id: Option<String>) -> PreviousExit {
        let last_boot = std::mem::replace(&mut self.state.boot_id, boot_id);
        if std::mem::take(&mut self.clean_exit) {
            return PreviousExit::Clean;
        }
        let boots = (last_boot, &self.state.boot_id);
        if let (Some(last), Some(this)) = boots
            && last != *this
        {
            self.unclean_exits = 0;
            return PreviousExit::WithMachine;
        }
        self.unclean_exits += 1;
        match self.unclean_exits {
            1 => PreviousExit::Killed,
            _ => PreviousExit::KilledAgain,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::versions::VersionInfo;

    fn on_probation(boot: &str) -> Fallback {
        let version = RunningVersion {
            info: VersionInfo {
                name: "thermostat".into(),
                version: "1.0.0".into(),
                model_id: "dtmi:com:example:Thermostat;1".into(),
                sha256: "a".into(),
            },
            since: Timestamp::UNIX_EPOCH,
        };
        let state = FallbackState {
            boot_id: Some(boot.to_owned()),
            ..FallbackState::default()
        };
        Fallback::new(version, state)
    }

    fn resume(fallback: &mut Fallback, boot: &str) -> PreviousExit {
        fallback.resume_probation(Some(boot.to_owned()))
    }

    #[test]
    fn two_kills_within_one_boot_count_and_power_cuts_do_not() {
        let mut fallback = on_probation("1");
        for boot in ["2", "3", "4"] {
            assert_eq!(resume(&mut fallback, boot), PreviousExit::WithMachine);
        }
        assert_eq!(resume(&mut fallback, "4"), PreviousExit::Killed);
        assert_eq!(resume(&mut fallback, "5"), PreviousExit::WithMachine);
        assert_eq!(resume(&mut fallback, "5"), PreviousExit::Killed);
        fallback.clean_exit = true;
        assert_eq!(resume(&mut fallback, "5"), PreviousExit::Clean);
        assert_eq!(resume(&mut fallback, "5"), PreviousExit::KilledAgain);
    }

    #[test]
    fn without_a_boot_id_every_kill_counts() {
        let mut fallback = on_probation("1");
        assert_eq!(fallback.resume_probation(None), PreviousExit::Killed);
        assert_eq!(resume(&mut fallback, "1"), PreviousExit::KilledAgain);
    }
}
