//! The twin: applied desired properties, and the device's answers.
//!
//! Source: "Understand and use device twins in IoT Hub" and "IoT Plug and Play conventions" of the Azure IoT
//! documentation. The hub sends the whole twin when asked, and each change while the device is connected; it resends
//! nothing, so versions tell what was missed.

mod changes;
mod document;
mod limits;
mod report;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::{
    changes::differences,
    document::{
        Flat, MAX_DEPTH, MAX_DESIRED_SIZE, check, desired_of_patch, desired_of_twin, flatten,
        merge, nest,
    },
    report::LastAnswer,
};
pub use self::{
    changes::{Changes, DesiredCall, Patch},
    limits::{
        HOST_COMPONENT, NameError, PropertyError, check_acknowledgment, check_name, check_report,
    },
    report::{component_report, merge_report},
};

/// The applied desired properties of a twin, and their version. A rejected property counts as applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// The hub and the device whose twin it is.
    of: Option<(String, String)>,
    /// The newest version applied whole; none before the first.
    version: Option<u64>,
    /// By component, `""` being the device itself, and by name.
    applied: BTreeMap<String, BTreeMap<String, Applied>>,
}

/// One desired property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Applied {
    desired: Value,
    /// None if the component gave none.
    answer: Option<LastAnswer>,
}

/// The acknowledgment of one desired property by the component.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledgment {
    /// Name of the property.
    pub property: String,
    /// The value the device now uses.
    pub value: Value,
    /// 200 applied, 202 in progress, 4xx refused, 5xx failed.
    pub status: u32,
    /// For people.
    pub description: String,
}

/// The error of desired properties that cannot be applied. The same body fails again.
#[derive(Debug, thiserror::Error)]
pub enum TwinError {
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// The body, or this part of it, is not what it must be.
    #[error("{0} is not a JSON object")]
    NotAnObject(&'static str),
    /// There is no version to apply.
    #[error("`desired` has no `$version` that is a whole number")]
    NoVersion,
    /// The desired properties are more than any hub keeps.
    #[error("the desired properties are {0} bytes of JSON, the limit is {MAX_DESIRED_SIZE}")]
    TooLarge(usize),
    /// Values lie within each other deeper than in any hub.
    #[error("values nest deeper than {MAX_DEPTH}")]
    TooDeep,
}

impl Twin {
    /// Says whose twin it is. If it was another's, nothing of this one is applied yet: versions of different hubs have
    /// nothing to do with each other.
    pub fn belongs_to(&mut self, hub: &str, device_id: &str) {
        let of = Some((hub.to_owned(), device_id.to_owned()));
        if self.of != of {
            *self = Self {
                of,
                ..Self::default()
            };
        }
    }

    /// Forgets what was applied, so that the next document is applied whole.
    #[must_use]
    pub fn unapplied(&self) -> Self {
        Self {
            of: self.of.clone(),
            ..Self::default()
        }
    }

    /// Takes this version for applied, which asks for no call.
    #[must_use]
    pub fn at_version(&self, version: u64) -> Self {
        Self {
            version: Some(version),
            ..self.clone()
        }
    }

    /// Takes the whole twin (`{"desired": {…, "$version": n}, …}`): calls for what differs from what is applied, and
    /// repeated answers under the new version for what does not. A lower version than before is taken too: the twin was
    /// set back or made anew. The version counts as applied once all calls are settled, or at once if there are none.
    pub fn document(&mut self, body: &[u8]) -> Result<Changes, TwinError> {
        let (desired, version) = desired_of_twin(body)?;
        check(&desired)?;
        let target = flatten(desired);
        let calls = DesiredCall::last_marked(differences(&self.flat(), &target));
        let repeated = match self.version {
            Some(applied) if applied != version => self.repeated(&target, version),
            _ => None,
        };
        if calls.is_empty() {
            self.version = Some(version);
        }
        Ok(Changes {
            version,
            calls,
            repeated,
        })
    }

    /// Takes a change of desired properties. All calls of an earlier one must be settled. Each property in it is in a
    /// call, changed or not, with its value after the change.
    pub fn patch(&self, version: u64, body: &[u8]) -> Result<Patch, TwinError> {
        match self.version {
            Some(applied) if version <= applied => return Ok(Patch::Stale),
            Some(applied) if version == applied.saturating_add(1) => {}
            _ => return Ok(Patch::Gap),
        }
        let patch = desired_of_patch(body)?;
        let flat = self.flat();
        let mut desired = nest(&flat);
        merge(&mut desired, &patch);
        check(&desired)?;
        let target = flatten(desired);
        let mut calls = differences(&flat, &target);
        changes::add_named(&mut calls, &patch, &target);
        Ok(Patch::Apply(Changes {
            version,
            calls: DesiredCall::last_marked(calls),
            repeated: None,
        }))
    }

    /// Records that a call was made and returns the reported PATCH that answers it, empty if there is nothing to say.
    /// After a failed call, whose reason `answer` gives, each property is answered with 500.
    pub fn settle(
        &mut self,
        version: u64,
        call: &DesiredCall,
        answer: Result<Vec<Acknowledgment>, String>,
    ) -> Map<String, Value> {
        let acknowledgments = answer.unwrap_or_else(|reason| call.failed(&reason));
        self.apply(call);
        let report = self.answer(version, call, acknowledgments);
        if call.last {
            self.version = Some(version);
        }
        report
    }

    /// Returns the reported PATCH that answers properties of a call that were not applied, so that the next whole twin brings
    /// them again. If nothing is left of the call, it counts as made.
    pub fn defer(
        &mut self,
        version: u64,
        call: &DesiredCall,
        answers: Vec<Acknowledgment>,
    ) -> Map<String, Value> {
        if call.last && call.properties.is_empty() {
            self.version = Some(version);
        }
        self.answer(version, call, answers)
    }

    /// Keeps the answers to properties of a call, and returns the reported PATCH with them.
    fn answer(
        &mut self,
        version: u64,
        call: &DesiredCall,
        acknowledgments: Vec<Acknowledgment>,
    ) -> Map<String, Value> {
        let component = call.component.as_deref().unwrap_or_default();
        let mut report = Map::new();
        for acknowledgment in acknowledgments {
            let property = acknowledgment.property.clone();
            let is_reportable =
                limits::is_reportable(call.component.as_deref(), &property, &acknowledgment.value);
            let mut answer = LastAnswer::from(acknowledgment);
            if !is_reportable {
                answer = answer.without_value();
            }
            let applied = self.applied.get_mut(component);
            let before = match applied.and_then(|properties| properties.get_mut(&property)) {
                Some(applied) => applied.answer.replace(answer.clone()),
                None => None,
            };
            report.insert(property, answer.report(version, before.as_ref()));
        }
        match report.is_empty() {
            true => report,
            false => component_report(call.component.as_deref(), report),
        }
    }

    /// Takes the properties of a call for applied.
    fn apply(&mut self, call: &DesiredCall) {
        let component = call.component.clone().unwrap_or_default();
        let properties = self.applied.entry(component.clone()).or_default();
        for (name, desired) in &call.properties {
            if desired.is_null() {
                properties.remove(name);
                continue;
            }
            let desired = desired.clone();
            match properties.get_mut(name) {
                Some(applied) => applied.desired = desired,
                None => {
                    let answer = None;
                    properties.insert(name.clone(), Applied { desired, answer });
                }
            }
        }
        if properties.is_empty() {
            self.applied.remove(&component);
        }
    }

    /// The last answers to what is desired as it was before, under this version.
    fn repeated(&self, target: &Flat, version: u64) -> Option<Map<String, Value>> {
        let mut report = Map::new();
        for (component, properties) in &self.applied {
            let unchanged = |(name, applied): &(&String, &Applied)| {
                let desired = target.get(component).and_then(|target| target.get(*name));
                desired == Some(&applied.desired)
            };
            let answers: Map<_, _> = properties
                .iter()
                .filter(unchanged)
                .filter_map(|(name, applied)| Some((name, applied.answer.as_ref()?)))
                .map(|(name, answer)| (name.clone(), answer.report(version, None)))
                .collect();
            if !answers.is_empty() {
                let component = Some(&**component).filter(|component| !component.is_empty());
                report.extend(component_report(component, answers));
            }
        }
        (!report.is_empty()).then_some(report)
    }

    fn flat(&self) -> Flat {
        let desired =
            |(name, applied): (&String, &Applied)| (name.clone(), applied.desired.clone());
        self.applied
            .iter()
            .map(|(component, properties)| {
                (component.clone(), properties.iter().map(desired).collect())
            })
            .collect()
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
