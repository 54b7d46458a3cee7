//! The share of a hub's reported properties that acknowledgments may take: a hub that holds 32 KB of them rejects a whole
//! patch for one byte more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    document::{is_component, is_marker},
    report::LastAnswer,
};

/// The size limit of all reported properties, in the hub's count.
const MAX_REPORTED: usize = 32 << 10;
/// The part of it that is kept for properties a component reports of its own accord, beyond those it has reported.
const RESERVED: usize = 4 << 10;
/// The size of the members of an answer without its value and description: `value`, `ac`, `av`, `ad` and two numbers.
const BARE_ANSWER: usize = 11 + 2 * 8;
/// The number of names of own properties above which they are forgotten: each takes a byte at least.
const MAX_NAMES: usize = 32 << 10;
/// The size of the marker of a component.
const MARKER: usize = 4;

/// The budget of acknowledgments, in bytes of the hub's count.
pub(super) struct AnswerBudget {
    used: usize,
    /// The limit of all answers.
    limit: usize,
    /// The limit up to which answers have values and descriptions; beyond it further properties are still answered.
    full_limit: usize,
}

impl AnswerBudget {
    /// Creates the budget beside other reported properties of this size.
    pub(super) fn beside(others: usize) -> Self {
        let limit = (MAX_REPORTED - RESERVED).saturating_sub(others);
        Self {
            used: 0,
            limit,
            full_limit: limit / 4 * 3,
        }
    }

    /// Takes the name and marker of a component, `""` being the device itself.
    pub(super) fn take_component(&mut self, name: &str) {
        if !name.is_empty() {
            self.used += name.len() + MARKER;
        }
    }

    /// Takes an answer that is reported already.
    pub(super) fn take_reported(&mut self, name: &str, answer: &LastAnswer) {
        self.used += name.len() + BARE_ANSWER + answer.content_size();
    }

    /// Takes an answer without value and description; returns false if the limit is reached.
    pub(super) fn take_bare(&mut self, name: &str) -> bool {
        let size = name.len() + BARE_ANSWER;
        let fits = self.used + size <= self.limit;
        if fits {
            self.used += size;
        }
        fits
    }

    /// Takes value and description of an answer; returns false if only bare answers have room.
    pub(super) fn take_content(&mut self, answer: &LastAnswer) -> bool {
        let size = answer.content_size();
        let fits = self.used + size <= self.full_limit;
        if fits {
            self.used += size;
        }
        fits
    }
}

/// The sizes of reported properties that are no answers, by component, `""` being the device itself, and by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OtherReported {
    /// As the hub held them last.
    at_hub: BTreeMap<(String, String), usize>,
    /// As this process has reported them, since then or before.
    own: BTreeMap<(String, String), usize>,
}

impl OtherReported {
    /// Takes the reported properties that the hub holds. `is_known` says by component and name whether a property may be
    /// answered.
    pub(super) fn at_hub(
        &mut self,
        reported: &Map<String, Value>,
        is_known: impl Fn(&str, &str) -> bool,
    ) {
        let sizes = sizes_of_others(reported, is_known);
        self.at_hub = sizes.filter(|(_, size)| *size > 0).collect();
    }

    /// Takes properties that are reported now.
    pub(super) fn reported(
        &mut self,
        report: &Map<String, Value>,
        is_known: impl Fn(&str, &str) -> bool,
    ) {
        self.own.extend(sizes_of_others(report, is_known));
        if self.own.len() > MAX_NAMES {
            // No hub holds so many: it rejects the reports.
            self.own.clear();
        }
    }

    /// Returns the size of all of them.
    pub(super) fn size(&self) -> usize {
        let at_hub = self
            .at_hub
            .iter()
            .filter(|(key, _)| !self.own.contains_key(*key));
        let all = at_hub.chain(&self.own).filter(|(_, size)| **size > 0);
        let mut components = BTreeSet::new();
        all.map(|((component, _), size)| {
            let is_new = !component.is_empty() && components.insert(component);
            let component_size = if is_new { component.len() + MARKER } else { 0 };
            size + component_size
        })
        .sum()
    }
}

/// Returns the sizes of properties that are no answers: 0 of one that is removed, or is the hub's own.
fn sizes_of_others(
    reported: &Map<String, Value>,
    is_known: impl Fn(&str, &str) -> bool,
) -> impl Iterator<Item = ((String, String), usize)> {
    let entry = move |component: &str, name: &str, value: &Value| {
        let is_answer = value.get("ac").is_some() && value.get("av").is_some();
        let size = match value {
            Value::Null => 0,
            _ if name.starts_with('$') => 0,
            _ if is_answer && is_known(component, name) => 0,
            value => name.len() + size(value),
        };
        ((component.to_owned(), name.to_owned()), size)
    };
    reported.iter().flat_map(move |(name, value)| match value {
        Value::Object(members) if is_component(members) => {
            let members = members.iter().filter(|member| !is_marker(*member));
            members
                .map(|(member, it)| entry(name, member, it))
                .collect()
        }
        value => vec![entry("", name, value)],
    })
}

/// Returns the size of a value in the hub's count: keys and strings in bytes, 8 for a number, 4 for a boolean.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size(item).max(1)).sum(),
        Value::Object(members) => members.iter().map(|(name, it)| name.len() + size(it)).sum(),
    }
}
