//! The twin: applied desired properties, and the device's answers.
//!
//! Source: "Understand and use device twins in IoT Hub" and "IoT Plug and Play conventions" of the Azure IoT
//! documentation. The hub sends the whole twin when asked, and each change while the device is connected; it resends
//! nothing, so versions tell what was missed.

mod answer_budget;
mod changes;
mod document;
mod limits;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) use self::report::report_size;
use self::{
    answer_budget::{AnswerBudget, OtherReported},
    changes::differences,
    document::{
        Flat, MAX_DEPTH, MAX_DESIRED_SIZE, WholeTwin, check, desired_of_patch, flatten, merge,
        nest, whole_twin,
    },
    report::LastAnswer,
};
pub use self::{
    changes::{Changes, DesiredCall, Patch},
    limits::{
        HOST_COMPONENT, NameError, PropertyError, check_acknowledgment, check_name, check_report,
    },
    report::{AnswerReport, component_report, merge_report},
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
    /// Of this process; the first whole twin tells the next one.
    #[serde(skip)]
    others: OtherReported,
}

impl Twin {
    /// Returns version and applied properties as JSON for an operator.
    #[must_use]
    pub fn to_document(&self) -> Value {
        let of_component = |(component, properties): (&String, &BTreeMap<String, Applied>)| {
            let component = Some(component.clone()).filter(|name| !name.is_empty());
            let property = move |(name, applied): (&String, &Applied)| {
                json!({
                    "component": component,
                    "name": name,
                    "desired": applied.desired,
                    "acknowledgment": applied.answer,
                })
            };
            properties.iter().map(property).collect::<Vec<_>>()
        };
        let properties = self.applied.iter().flat_map(of_component);
        json!({"version": self.version, "properties": properties.collect::<Vec<_>>()})
    }
}

/// One desired property.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Applied {
    /// `null` once it is removed; its answer is still reported.
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
        let WholeTwin {
            desired,
            version,
            reported,
        } = whole_twin(body)?;
        check(&desired)?;
        let target = flatten(desired);
        let applied = &self.applied;
        self.others.at_hub(&reported, |component, name| {
            let is_desired = target
                .get(component)
                .is_some_and(|it| it.contains_key(name));
            is_desired
                || applied
                    .get(component)
                    .is_some_and(|it| it.contains_key(name))
        });
        let calls = DesiredCall::last_marked(differences(&self.flat(), &target));
        let repeated = match self.version {
            Some(applied) if applied != version => self.repeated(&target, version),
            _ => Vec::new(),
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

    /// Notes properties that are reported, so that answers leave room for them.
    pub fn note_reported(&mut self, report: &Map<String, Value>) {
        let applied = &self.applied;
        self.others.reported(report, |component, name| {
            applied
                .get(component)
                .is_some_and(|it| it.contains_key(name))
        });
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
            repeated: Vec::new(),
        }))
    }

    /// Records that a call was made and returns the report that answers it. After a failed call, whose reason `answer` gives, each property is answered with 500.
    pub fn settle(
        &mut self,
        version: u64,
        call: &DesiredCall,
        answer: Result<Vec<Acknowledgment>, String>,
    ) -> AnswerReport {
        let acknowledgments = answer.unwrap_or_else(|reason| call.failed(&reason));
        self.apply(call);
        let report = self.answer(version, call, acknowledgments);
        if call.last {
            self.version = Some(version);
        }
        report
    }

    /// Returns the report that answers properties of a call that were not applied, so that the next whole twin brings them
    /// again. If nothing is left of the call, it counts as made.
    pub fn defer(
        &mut self,
        version: u64,
        call: &DesiredCall,
        answers: Vec<Acknowledgment>,
    ) -> AnswerReport {
        if call.last && call.properties.is_empty() {
            self.version = Some(version);
        }
        self.answer(version, call, answers)
    }

    /// Keeps the answers to properties of a call, and returns the report with them. Together all answers leave room for other
    /// reported properties: an answer that has no room goes without its value, or is left out.
    fn answer(
        &mut self,
        version: u64,
        call: &DesiredCall,
        acknowledgments: Vec<Acknowledgment>,
    ) -> AnswerReport {
        let component = call.component.as_deref().unwrap_or_default();
        let mut budget = self.budget_without(component, &acknowledgments);
        let has_room: Vec<bool> = acknowledgments
            .iter()
            .map(|acknowledgment| budget.take_bare(&acknowledgment.property))
            .collect();
        let mut report = AnswerReport::default();
        let mut answers = Map::new();
        for (acknowledgment, has_room) in acknowledgments.into_iter().zip(has_room) {
            let property = acknowledgment.property.clone();
            let is_reportable =
                limits::is_reportable(call.component.as_deref(), &property, &acknowledgment.value);
            let mut answer = LastAnswer::from(acknowledgment);
            if !is_reportable {
                answer = answer.without_value();
            }
            if has_room && !budget.take_content(&answer) {
                answer = answer.bare();
                report.without_value += 1;
            }
            let kept = has_room.then_some(answer);
            let before = self.replace_answer(component, &property, kept.clone());
            report.left_out += usize::from(kept.is_none());
            match (kept, before) {
                (Some(answer), before) => {
                    answers.insert(property, answer.report(version, before.as_ref()));
                }
                (None, Some(_)) => {
                    answers.insert(property, Value::Null);
                }
                (None, None) => {}
            }
        }
        report.patches = report::patches([(component, answers)]);
        report
    }

    /// Returns the budget of all answers but those to these properties, which are answered anew.
    fn budget_without(&self, component: &str, anew: &[Acknowledgment]) -> AnswerBudget {
        let anew: BTreeSet<&str> = anew.iter().map(|it| it.property.as_str()).collect();
        let mut budget = AnswerBudget::beside(self.others.size());
        for (owner, properties) in &self.applied {
            budget.take_component(owner);
            for (name, applied) in properties {
                let stays = owner != component || !anew.contains(name.as_str());
                if let Some(answer) = applied.answer.as_ref().filter(|_| stays) {
                    budget.take_reported(name, answer);
                }
            }
        }
        budget
    }

    /// Keeps the answer to a property, and returns the one before.
    fn replace_answer(
        &mut self,
        component: &str,
        property: &str,
        answer: Option<LastAnswer>,
    ) -> Option<LastAnswer> {
        let properties = self.applied.entry(component.to_owned()).or_default();
        let applied = properties.entry(property.to_owned()).or_default();
        let before = std::mem::replace(&mut applied.answer, answer);
        self.forget_unused(component, property);
        before
    }

    /// Forgets a property that is neither desired nor answered.
    fn forget_unused(&mut self, component: &str, property: &str) {
        let Some(properties) = self.applied.get_mut(component) else {
            return;
        };
        if properties.get(property) == Some(&Applied::default()) {
            properties.remove(property);
        }
        if properties.is_empty() {
            self.applied.remove(component);
        }
    }

    /// Takes the properties of a call for applied.
    fn apply(&mut self, call: &DesiredCall) {
        let component = call.component.as_deref().unwrap_or_default();
        for (name, desired) in &call.properties {
            let properties = self.applied.entry(component.to_owned()).or_default();
            properties.entry(name.clone()).or_default().desired = desired.clone();
            self.forget_unused(component, name);
        }
    }

    /// The last answers to what is desired as it was before, under this version.
    fn repeated(&self, target: &Flat, version: u64) -> Vec<Map<String, Value>> {
        let by_component = self.applied.iter().map(|(component, properties)| {
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
            (component.as_str(), answers)
        });
        report::patches(by_component)
    }

    fn flat(&self) -> Flat {
        let mut flat = Flat::new();
        for (component, properties) in &self.applied {
            for (name, applied) in properties.iter().filter(|(_, it)| !it.desired.is_null()) {
                let properties = flat.entry(component.clone()).or_default();
                properties.insert(name.clone(), applied.desired.clone());
            }
        }
        flat
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
