//! The versions of a device's behaviour.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fallback::{Fallback, FallbackState};
use crate::contract::behaviour::Behaviour;

/// Limit of quarantined hashes; beyond it the oldest is released.
const MAX_QUARANTINED: usize = 100;

/// The identification of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// The component's name.
    pub name: String,
    /// The author's version number.
    pub version: String,
    /// The Plug and Play model announced.
    pub model_id: String,
    /// SHA-256 of the component's file in hexadecimal digits, which identifies the version.
    pub sha256: String,
}

impl VersionInfo {
    /// Returns the identification of this behaviour.
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

/// Name, version number and the start of the hash.
impl std::fmt::Display for VersionInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = self.sha256.get(..8).unwrap_or(&self.sha256);
        write!(f, "{} {} ({short})", self.name, self.version)
    }
}

/// A running or earlier version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningVersion {
    /// The version's identification.
    #[serde(flatten)]
    pub info: VersionInfo,
    /// Time of its start.
    pub since: Timestamp,
}

/// The settings of a component, given with `--set`: keys and values.
pub type Settings = Vec<(String, String)>;

/// A version that was rolled back, and is not accepted again with the same settings unless forced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The version's hash.
    pub sha256: String,
    /// Its settings; `None` in the state of an older host, which quarantined a version with any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// The reason of the rollback.
    pub reason: String,
}

/// The versions of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The running version; `None` before the first start.
    pub running: Option<RunningVersion>,
    /// The version to roll back to while the running one is on probation; `None` once it is accepted.
    pub fallback: Option<Fallback>,
    /// The previously accepted version, to roll back to if the accepted one fails for good.
    pub previous: Option<RunningVersion>,
    /// The quarantined versions, the oldest first.
    pub quarantined: Vec<Quarantined>,
    /// The hash of the `--component` file when it was last considered.
    pub file: Option<String>,
    /// The settings with which a version has last started; `None` in the state of an older host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

impl Quarantined {
    fn is(&self, sha256: &str, settings: Option<&[(String, String)]>) -> bool {
        let same = self.settings.is_none() || self.settings.as_deref() == settings;
        self.sha256 == sha256 && same
    }
}

impl Versions {
    /// Returns the hashes of the versions a rollback may go to, the next one first.
    pub fn rollback_targets(&self) -> impl Iterator<Item = &str> {
        let fallback = self.fallback.as_ref().map(|fallback| &fallback.version);
        let all = [fallback, self.previous.as_ref()];
        all.into_iter()
            .flatten()
            .map(|version| &*version.info.sha256)
    }

    /// Returns the hashes of all versions a device may still need.
    pub fn needed(&self) -> impl Iterator<Item = &str> {
        let running = self.running.iter().map(|running| &*running.info.sha256);
        running.chain(self.rollback_targets())
    }

    /// Returns true if the running version is on probation.
    #[must_use]
    pub fn is_on_probation(&self) -> bool {
        self.fallback.is_some()
    }

    /// Returns true if this version is the running one.
    #[must_use]
    pub fn is_running(&self, sha256: &str) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.info.sha256 == sha256)
    }

    /// Returns the reason why this version is quarantined with these settings; `None` if it is not.
    #[must_use]
    pub fn quarantine_reason(&self, sha256: &str, settings: &[(String, String)]) -> Option<&str> {
        let mut quarantined = self.quarantined.iter();
        let found = quarantined.find(|it| it.is(sha256, Some(settings)));
        found.map(|it| &*it.reason)
    }

    /// Returns true if this version is quarantined with other settings than these, and not with these.
    #[must_use]
    pub fn is_quarantined_otherwise(&self, sha256: &str, settings: &[(String, String)]) -> bool {
        let is_quarantined = self.quarantined.iter().any(|it| it.sha256 == sha256);
        is_quarantined && self.quarantine_reason(sha256, settings).is_none()
    }

    /// Sets the first version, which has none to roll back to.
    pub fn set_first(&mut self, info: VersionInfo, now: Timestamp) {
        self.file = Some(info.sha256.clone());
        self.running = Some(RunningVersion { info, since: now });
    }

    /// Puts a version started with these settings on probation, with the state of the version before for a rollback; if that
    /// version was on probation itself, its fallback stays.
    pub fn start_probation(
        &mut self,
        info: VersionInfo,
        settings: &[(String, String)],
        now: Timestamp,
        mut before: FallbackState,
    ) {
        before.settings = self.settings.replace(settings.to_vec());
        self.lift_quarantine(&info.sha256);
        let version = self.running.replace(RunningVersion { info, since: now });
        match &mut self.fallback {
            // Exits during another candidate's probation say nothing of this one.
            Some(fallback) => fallback.restart_probation(before.boot_id),
            None => self.fallback = version.map(|version| Fallback::new(version, before)),
        }
    }

    /// Removes this version with the current settings from quarantine.
    pub fn lift_quarantine(&mut self, sha256: &str) {
        let settings = self.settings.as_deref();
        self.quarantined.retain(|it| !it.is(sha256, settings));
    }

    /// Accepts the version on probation.
    pub fn accept(&mut self) {
        if let Some(fallback) = self.fallback.take()
            && !self.is_running(&fallback.version.info.sha256)
        {
            self.previous = Some(fallback.version);
        }
    }

    /// Quarantines the version on probation. Returns the version to run instead, with the state to restore.
    pub fn roll_back_to_fallback(&mut self, reason: &str) -> Option<Fallback> {
        let fallback = self.fallback.take()?;
        self.quarantine_running(fallback.version.clone(), reason);
        self.settings.clone_from(&fallback.state.settings);
        Some(fallback)
    }

    /// Quarantines an accepted version. Returns the previous version, which takes the current state.
    pub fn roll_back_to_previous(&mut self, reason: &str) -> Option<RunningVersion> {
        let previous = self.previous.take()?;
        self.quarantine_running(previous.clone(), reason);
        Some(previous)
    }

    fn quarantine_running(&mut self, instead: RunningVersion, reason: &str) {
        if let Some(bad) = self.running.replace(instead)
            // A version may be on probation beside itself.
            && !self.is_running(&bad.info.sha256)
        {
            self.lift_quarantine(&bad.info.sha256);
            self.quarantined.push(Quarantined {
                sha256: bad.info.sha256,
                settings: self.settings.clone(),
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

    fn info(sha256: &str) -> VersionInfo {
        VersionInfo {
            name: "thermostat".into(),
            version: "1.0.0".into(),
            model_id: "dtmi:com:example:Thermostat;1".into(),
            sha256: sha256.into(),
        }
    }

    fn start(versions: &mut Versions, sha256: &str, record: &str) {
        let before = FallbackState {
            record: Some(record.to_owned()),
            ..FallbackState::default()
        };
        versions.start_probation(info(sha256), &settings("1"), Timestamp::UNIX_EPOCH, before);
    }

    fn settings(value: &str) -> Settings {
        vec![("gain".to_owned(), value.to_owned())]
    }

    fn quarantine_reason<'a>(versions: &'a Versions, sha256: &str) -> Option<&'a str> {
        versions.quarantine_reason(sha256, &settings("1"))
    }

    fn with_first() -> Versions {
        let mut versions = Versions::default();
        versions.set_first(info("a"), Timestamp::UNIX_EPOCH);
        versions
    }

    #[test]
    fn the_version_to_go_back_to_stays_when_a_candidate_replaces_another() {
        let mut versions = with_first();
        start(&mut versions, "b", "of a");
        start(&mut versions, "c", "of b");
        assert!(versions.is_running("c"));
        let fallback = versions.roll_back_to_fallback("it trapped").unwrap();
        assert_eq!(fallback.version.info.sha256, "a");
        assert_eq!(fallback.state.record.as_deref(), Some("of a"));
        assert!(versions.is_running("a"));
        assert_eq!(quarantine_reason(&versions, "c"), Some("it trapped"));
        assert_eq!(quarantine_reason(&versions, "b"), None);
    }

    #[test]
    fn what_was_accepted_before_takes_over_from_what_fails_later() {
        let mut versions = with_first();
        start(&mut versions, "b", "of a");
        assert_eq!(versions.needed().collect::<Vec<_>>(), ["b", "a"]);
        versions.accept();
        assert_eq!(versions.roll_back_to_fallback("no"), None);
        assert!(
            versions
                .roll_back_to_previous("it trapped too often")
                .is_some()
        );
        assert_eq!(versions.roll_back_to_previous("it trapped too often"), None);
        assert!(versions.is_running("a"));
        assert_eq!(versions.needed().collect::<Vec<_>>(), ["a"]);
        assert!(quarantine_reason(&versions, "b").is_some());
        start(&mut versions, "b", "forced");
        assert_eq!(quarantine_reason(&versions, "b"), None);
    }

    #[test]
    fn each_candidate_has_a_second_chance_of_its_own() {
        let mut versions = with_first();
        start(&mut versions, "b", "of a");
        let fallback = versions.fallback.as_mut().unwrap();
        (fallback.unclean_exits, fallback.clean_exit) = (1, true);
        start(&mut versions, "c", "of b");
        let fallback = versions.fallback.unwrap();
        assert_eq!((fallback.unclean_exits, fallback.clean_exit), (0, false));
    }

    #[test]
    fn a_version_accepted_in_place_of_itself_keeps_the_one_before_it() {
        let mut versions = with_first();
        start(&mut versions, "b", "of a");
        versions.accept();
        start(&mut versions, "c", "of b");
        start(&mut versions, "b", "of c");
        versions.accept();
        assert_eq!(versions.needed().collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn a_version_on_probation_beside_itself_is_not_quarantined() {
        let mut versions = with_first();
        start(&mut versions, "b", "of a");
        start(&mut versions, "a", "of b");
        assert!(versions.roll_back_to_fallback("no").is_some());
        assert_eq!(quarantine_reason(&versions, "a"), None);
    }

    #[test]
    fn a_version_is_quarantined_with_the_settings_it_failed_with() {
        let mut versions = with_first();
        versions.settings = Some(settings("0"));
        start(&mut versions, "b", "of a");
        assert_eq!(versions.settings, Some(settings("1")));
        versions.roll_back_to_fallback("gain is too high").unwrap();
        assert_eq!(versions.settings, Some(settings("0")));
        assert!(quarantine_reason(&versions, "b").is_some());
        assert!(!versions.is_quarantined_otherwise("b", &settings("1")));
        assert_eq!(versions.quarantine_reason("b", &settings("0")), None);
        assert!(versions.is_quarantined_otherwise("b", &settings("0")));
        assert!(!versions.is_quarantined_otherwise("a", &settings("0")));
    }

    #[test]
    fn only_so_many_hashes_are_refused() {
        let mut versions = with_first();
        for number in 0..2 * MAX_QUARANTINED {
            start(&mut versions, &number.to_string(), "r");
            versions.roll_back_to_fallback("no").unwrap();
        }
        assert_eq!(versions.quarantined.len(), MAX_QUARANTINED);
        assert_eq!(quarantine_reason(&versions, "0"), None);
        assert_eq!(quarantine_reason(&versions, "199"), Some("no"));
    }

    #[test]
    fn versions_written_in_earlier_words_are_read() {
        let version = |sha256: &str| {
            format!(
                r#"{{"name":"thermostat","version":"1.0.0","modelId":"dtmi:com:example:Thermostat;1","sha256":"{sha256}","since":"2026-01-02T03:04:05.678Z"}}"#
            )
        };
        let timers = r#"[{"name":"once","schedule":{"Once":{"secs":60,"nanos":0}},"due":"2026-01-02T03:05:05.678Z","failures":0},{"name":"sample","schedule":{"Every":{"secs":8,"nanos":500000000}},"due":"2026-01-02T03:04:14.178Z","failures":0}]"#;
        let (running, fallback, previous) = (version("d"), version("b"), version("a"));
        let written = format!(
            r#"{{"running":{running},"fallback":{{"version":{fallback},"record":"{{\"schema\":1}}","timers":{timers},"ended":1,"clean":true}},"previous":{previous},"quarantined":[{{"sha256":"c","reason":"the component was stopped: unreachable"}}],"file":"a"}}"#
        );
        let versions: Versions = serde_json::from_str(&written).unwrap();
        assert_eq!(versions.needed().collect::<Vec<_>>(), ["d", "b", "a"]);
        assert!(quarantine_reason(&versions, "c").is_some());
        let fallback = versions.fallback.as_ref().unwrap();
        assert_eq!((fallback.unclean_exits, fallback.clean_exit), (1, true));
        assert_eq!(fallback.state.timers.len(), 2);
        assert!(!fallback.state.marks.is_candidates(0));
        let json = serde_json::to_value(&versions).unwrap();
        assert_eq!(json["fallback"]["uncleanExits"], 1);
        assert_eq!(json["fallback"]["cleanExit"], true);
    }
}
