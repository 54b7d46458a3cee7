//! The share of a hub's reported properties that acknowledgments may take: a hub that holds 32 KB of them rejects a whole
//! patch for one byte more.

use serde_json::{Map, Value};

use super::{document::is_component, report::LastAnswer};

/// The size limit of all reported properties, in the hub's count.
const MAX_REPORTED: usize = 32 << 10;
/// The part of it that is kept for properties a component reports of its own accord, beyond those it has reported.
const RESERVED: usize = 4 << 10;
/// The size of the members of an answer without its value and description: `value`, `ac`, `av`, `ad` and two numbers.
const BARE_ANSWER: usize = 11 + 2 * 8;
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

/// Returns the size of reported properties that are no answers. `is_known` says by component and name whether a property
/// may be answered.
pub(super) fn size_of_others(
    reported: &Map<String, Value>,
    is_known: impl Fn(&str, &str) -> bool,
) -> usize {
    let is_answer = |component: &str, name: &str, value: &Value| {
        value.get("ac").is_some() && value.get("av").is_some() && is_known(component, name)
    };
    let member_size = |component: &str, name: &str, value: &Value| match value {
        _ if name.starts_with('$') || is_answer(component, name, value) => 0,
        value => name.len() + size(value),
    };
    let sizes = reported.iter().map(|(name, value)| match value {
        Value::Object(members) if is_component(members) => {
            let sizes = members
                .iter()
                .map(|(member, it)| member_size(name, member, it));
            name.len() + sizes.sum::<usize>()
        }
        value => member_size("", name, value),
    });
    sizes.sum()
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
