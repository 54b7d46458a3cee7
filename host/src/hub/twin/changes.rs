//! The calls into the component for a change of desired properties.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::{Map, Value};

use super::{
    Acknowledgment, HOST_COMPONENT,
    document::{Flat, is_component, is_marker},
};

/// The length limit of all reasons in the answer to a failed call, in characters: a hub keeps 32 KB of reported properties.
const MAX_REASONS_LENGTH: usize = 8 << 10;

/// The number of times a failed call is halved: thirty-two properties are told apart, and what a hostile document costs is
/// bounded.
const MAX_HALVINGS: u32 = 5;

/// The calls and reports to apply a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The version.
    pub version: u64,
    /// Calls to make, in this order; each is to be settled.
    pub calls: Vec<DesiredCall>,
    /// Reported PATCHes that repeat the answers under this version, for what has not changed.
    pub repeated: Vec<Map<String, Value>>,
}

/// The reaction to a pushed change.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// Nothing: it is applied already.
    Stale,
    /// Ask for the whole twin: a change before it was missed.
    Gap,
    /// Apply it.
    Apply(Changes),
}

/// Desired properties of one Plug and Play component, to be applied in one call.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredCall {
    /// The component; none for the device itself.
    pub component: Option<String>,
    /// By name; `null` was removed.
    pub properties: Map<String, Value>,
    /// The call is the last of its version.
    pub(super) last: bool,
    /// The number of times it was halved after a failure.
    pub(super) halvings: u32,
}

impl DesiredCall {
    /// The calls in order of their components, the device itself first. There is none for the name of the host's own
    /// component: nobody may answer under it.
    pub(super) fn last_marked(mut calls: Flat) -> Vec<Self> {
        calls.remove(HOST_COMPONENT);
        if let Entry::Occupied(mut device) = calls.entry(String::new()) {
            device.get_mut().remove(HOST_COMPONENT);
            if device.get().is_empty() {
                device.remove();
            }
        }
        let mut calls: Vec<_> = calls
            .into_iter()
            .map(|(component, properties)| Self {
                component: Some(component).filter(|component| !component.is_empty()),
                properties: properties.into_iter().collect(),
                last: false,
                halvings: 0,
            })
            .collect();
        if let Some(call) = calls.last_mut() {
            call.last = true;
        }
        calls
    }

    /// Returns true if the call is a part of one that failed.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.halvings > 0
    }

    /// Returns the two calls to make instead of one that failed, each with half of its properties, so that one of them does
    /// not cost the others; `None` if it cannot be halved further.
    #[must_use]
    pub fn halved(&self) -> Option<[Self; 2]> {
        if self.properties.len() < 2 || self.halvings == MAX_HALVINGS {
            return None;
        }
        let mut properties = self.properties.clone().into_iter();
        let first = properties
            .by_ref()
            .take(self.properties.len() / 2)
            .collect();
        let half = |properties, last| Self {
            component: self.component.clone(),
            properties,
            last,
            halvings: self.halvings + 1,
        };
        Some([half(first, false), half(properties.collect(), self.last)])
    }

    /// Returns the answers after a call that failed for this reason.
    pub(super) fn failed(&self, reason: &str) -> Vec<Acknowledgment> {
        let answer = |(name, value): (&String, &Value)| self.answer(name, value, 500, reason);
        self.properties.iter().map(answer).collect()
    }

    /// Removes the properties for which there is a `reason` not to call the component now, and returns their answers.
    pub fn defer(&mut self, reason: impl Fn(&str) -> Option<String>) -> Vec<Acknowledgment> {
        let answer =
            |(name, value): (&String, &Value)| Some(self.answer(name, value, 503, &reason(name)?));
        let answers: Vec<_> = self.properties.iter().filter_map(answer).collect();
        for answer in &answers {
            self.properties.remove(&answer.property);
        }
        answers
    }

    fn answer(&self, name: &str, value: &Value, status: u32, reason: &str) -> Acknowledgment {
        let room = MAX_REASONS_LENGTH / self.properties.len().max(1);
        Acknowledgment {
            property: name.to_owned(),
            value: value.clone(),
            status,
            description: reason.chars().take(room).collect(),
        }
    }
}

/// Returns the changes from one document to another; `null` for removed properties.
pub(super) fn differences(from: &Flat, to: &Flat) -> Flat {
    let none = BTreeMap::new();
    let mut all = Flat::new();
    for component in from.keys().chain(to.keys()) {
        let before = from.get(component).unwrap_or(&none);
        let after = to.get(component).unwrap_or(&none);
        let gone = before
            .keys()
            .filter(|name| !after.contains_key(*name))
            .map(|name| (name.clone(), Value::Null));
        let new = after
            .iter()
            .filter(|(name, value)| before.get(*name) != Some(value))
            .map(|(name, value)| (name.clone(), value.clone()));
        let changed: BTreeMap<_, _> = gone.chain(new).collect();
        if !changed.is_empty() {
            all.insert(component.clone(), changed);
        }
    }
    all
}

/// Adds what a patch names and leaves as it was: `to` is the document after the patch.
pub(super) fn add_named(calls: &mut Flat, patch: &Map<String, Value>, to: &Flat) {
    for (name, value) in patch {
        let device = to.get("").and_then(|device| device.get(name));
        let component = to.get(name).filter(|_| !name.is_empty());
        match value {
            Value::Object(members)
                if component.is_some() || (device.is_none() && is_component(members)) =>
            {
                for (member, _) in members.iter().filter(|member| !is_marker(*member)) {
                    let after = component.and_then(|component| component.get(member));
                    add(calls, name, member, after);
                }
            }
            // A removed component is notified property by property.
            Value::Null if !name.is_empty() && calls.contains_key(name) => {}
            _ => add(calls, "", name, device),
        }
    }
}

fn add(calls: &mut Flat, component: &str, name: &str, after: Option<&Value>) {
    let call = calls.entry(component.to_owned()).or_default();
    call.insert(name.to_owned(), after.cloned().unwrap_or_default());
}
