//! Which versions of its behaviour a device has, and which of them runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::device::{behaviour::Behaviour, timers::KeptTimer};

/// Hashes a device refuses at a time; the oldest is forgotten.
const MAX_QUARANTINED: usize = 100;

/// What a version of a behaviour is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// For people.
    pub name: String,
    /// As its author numbers it.
    pub version: String,
    /// The Plug and Play model it announces.
    pub model_id: String,
    /// What tells it from every other: the hash of its file, in hexadecimal digits.
    pub sha256: String,
}

impl About {
    /// What this behaviour is known by.
    #[must_use]
    pub fn of(behaviour: &impl Behaviour) -> Self {
        let description = behaviour.description();
        Self {
            name: description.name.clone(),
            version: description.version.clone(),
            model_id: description.model_id.clone(),
            sha256: behaviour.sha256().to_owned(),
        }
    }
}

/// Name, version, and enough of the hash to tell it from others.
impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = self.sha256.get(..8).unwrap_or(&self.sha256);
        write!(f, "{} {} ({short})", self.name, self.version)
    }
}

/// A version that runs, or ran, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// What it is.
    #[serde(flatten)]
    pub about: About,
    /// When it began.
    pub since: Timestamp,
}

/// The version a device goes back to while another is on probation, with its state as it was at the swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// The version.
    pub version: Running,
    /// Its record.
    pub record: Option<String>,
    /// Its timers.
    pub timers: Vec<KeptTimer>,
    /// How many processes have ended since, the version on probation running, without being told to.
    pub ended: u32,
    /// Whether the last one was told to.
    pub clean: bool,
}

/// A version that was withdrawn, and is not taken again unless it is forced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Its hash.
    pub sha256: String,
    /// Why it was withdrawn.
    pub reason: String,
}

/// The versions of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// What runs; none before the first has begun.
    pub running: Option<Running>,
    /// What is gone back to if that fails; it is on probation as long as there is one.
    pub fallback: Option<Fallback>,
    /// What ran before, and takes over if an accepted version fails for good.
    pub previous: Option<Running>,
    /// What is not taken again, the oldest first.
    pub quarantined: Vec<Quarantined>,
    /// The hash the file of `--component` had when something became of it last.
    pub file: Option<String>,
}

impl Versions {
    /// The hashes of the versions a device may turn back to, the one it would go back to first.
    pub fn earlier(&self) -> impl Iterator<Item = &str> {
        let fallback = self.fallback.as_ref().map(|fallback| &fallback.version);
        let all = [fallback, self.previous.as_ref()];
        all.into_iter()
            .flatten()
            .map(|version| &*version.about.sha256)
    }

    /// The hashes of all versions a device may yet need.
    pub fn needed(&self) -> impl Iterator<Item = &str> {
        let running = self.running.iter().map(|running| &*running.about.sha256);
        running.chain(self.earlier())
    }

    /// Whether this version is what runs.
    #[must_use]
    pub fn runs(&self, sha256: &str) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.about.sha256 == sha256)
    }

    /// Why this version is not taken, if it is not.
    #[must_use]
    pub fn quarantine_of(&self, sha256: &str) -> Option<&str> {
        let found = self.quarantined.iter().find(|it| it.sha256 == sha256);
        found.map(|it| &*it.reason)
    }

    /// The first version has begun. There is nothing to go back to.
    pub fn first(&mut self, about: About, now: Timestamp) {
        self.file = Some(about.sha256.clone());
        self.running = Some(Running { about, since: now });
    }

    /// Another version has begun, and is on probation. The state is that of the version before, to go back to; if that
    /// was on probation itself, what it would have gone back to stays.
    pub fn begin(
        &mut self,
        about: About,
        now: Timestamp,
        record: Option<String>,
        timers: Vec<KeptTimer>,
    ) {
        self.pardon(&about.sha256);
        let before = self.running.replace(Running { about, since: now });
        match &mut self.fallback {
            // How the processes of another candidate ended says nothing of this one.
            Some(fallback) => (fallback.ended, fallback.clean) = (0, false),
            None => {
                self.fallback = before.map(|version| Fallback {
                    version,
                    record,
                    timers,
                    ended: 0,
                    clean: false,
                });
            }
        }
    }

    /// This version may be taken again.
    pub fn pardon(&mut self, sha256: &str) {
        self.quarantined.retain(|it| it.sha256 != sha256);
    }

    /// The version on probation has passed.
    pub fn accept(&mut self) {
        if let Some(fallback) = self.fallback.take()
            && !self.runs(&fallback.version.about.sha256)
        {
            self.previous = Some(fallback.version);
        }
    }

    /// The version on probation is withdrawn. Returns what it falls back to, with the state to restore.
    pub fn roll_back(&mut self, reason: &str) -> Option<Fallback> {
        let fallback = self.fallback.take()?;
        self.withdraw(fallback.version.clone(), reason);
        Some(fallback)
    }

    /// An accepted version is withdrawn, and the one before it takes over its state. Returns that one.
    pub fn fall_back(&mut self, reason: &str) -> Option<Running> {
        let previous = self.previous.take()?;
        self.withdraw(previous.clone(), reason);
        Some(previous)
    }

    fn withdraw(&mut self, instead: Running, reason: &str) {
        if let Some(bad) = self.running.replace(instead)
            // It may have been put on probation beside itself.
            && !self.runs(&bad.about.sha256)
        {
            self.pardon(&bad.about.sha256);
            self.quarantined.push(Quarantined {
                sha256: bad.about.sha256,
                reason: reason.to_owned(),
            });
            let excess = self.quarantined.len().saturating_sub(MAX_QUARANTINED);
            self.quarantined.drain(..excess);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(sha256: &str) -> About {
        About {
            name: "thermostat".into(),
            version: "1.0.0".into(),
            model_id: "dtmi:com:example:Thermostat;1".into(),
            sha256: sha256.into(),
        }
    }

    fn begin(versions: &mut Versions, sha256: &str, record: &str) {
        let record = Some(record.to_owned());
        versions.begin(about(sha256), Timestamp::UNIX_EPOCH, record, Vec::new());
    }

    fn with_first() -> Versions {
        let mut versions = Versions::default();
        versions.first(about("a"), Timestamp::UNIX_EPOCH);
        versions
    }

    #[test]
    fn the_version_to_go_back_to_stays_when_a_candidate_replaces_another() {
        let mut versions = with_first();
        begin(&mut versions, "b", "of a");
        begin(&mut versions, "c", "of b");
        assert!(versions.runs("c"));
        let fallback = versions.roll_back("it trapped").unwrap();
        assert_eq!(fallback.version.about.sha256, "a");
        assert_eq!(fallback.record.as_deref(), Some("of a"));
        assert!(versions.runs("a"));
        assert_eq!(versions.quarantine_of("c"), Some("it trapped"));
        assert_eq!(versions.quarantine_of("b"), None);
    }

    #[test]
    fn what_was_accepted_before_takes_over_from_what_fails_later() {
        let mut versions = with_first();
        begin(&mut versions, "b", "of a");
        assert_eq!(versions.needed().collect::<Vec<_>>(), ["b", "a"]);
        versions.accept();
        assert_eq!(versions.roll_back("no"), None);
        assert!(versions.fall_back("it trapped too often").is_some());
        assert_eq!(versions.fall_back("it trapped too often"), None);
        assert!(versions.runs("a"));
        assert_eq!(versions.needed().collect::<Vec<_>>(), ["a"]);
        assert!(versions.quarantine_of("b").is_some());
        begin(&mut versions, "b", "forced");
        assert_eq!(versions.quarantine_of("b"), None);
    }

    #[test]
    fn each_candidate_has_a_second_chance_of_its_own() {
        let mut versions = with_first();
        begin(&mut versions, "b", "of a");
        let fallback = versions.fallback.as_mut().unwrap();
        (fallback.ended, fallback.clean) = (1, true);
        begin(&mut versions, "c", "of b");
        let fallback = versions.fallback.unwrap();
        assert_eq!((fallback.ended, fallback.clean), (0, false));
    }

    #[test]
    fn a_version_accepted_in_place_of_itself_keeps_the_one_before_it() {
        let mut versions = with_first();
        begin(&mut versions, "b", "of a");
        versions.accept();
        begin(&mut versions, "c", "of b");
        begin(&mut versions, "b", "of c");
        versions.accept();
        assert_eq!(versions.needed().collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn a_version_on_probation_beside_itself_is_not_quarantined() {
        let mut versions = with_first();
        begin(&mut versions, "b", "of a");
        begin(&mut versions, "a", "of b");
        assert!(versions.roll_back("no").is_some());
        assert_eq!(versions.quarantine_of("a"), None);
    }

    #[test]
    fn only_so_many_hashes_are_refused() {
        let mut versions = with_first();
        for number in 0..2 * MAX_QUARANTINED {
            begin(&mut versions, &number.to_string(), "r");
            versions.roll_back("no").unwrap();
        }
        assert_eq!(versions.quarantined.len(), MAX_QUARANTINED);
        assert_eq!(versions.quarantine_of("0"), None);
        assert_eq!(versions.quarantine_of("199"), Some("no"));
    }
}
