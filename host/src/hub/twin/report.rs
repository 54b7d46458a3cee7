//! Reported properties.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, map::Entry};

use super::{Acknowledgment, answer_budget::size};

/// The length limit of a reported description, in characters: a value in a twin has at most 4 KB.
const MAX_DESCRIPTION_LENGTH: usize = 1000;

/// The size limit of one reported PATCH of several answers, in bytes of JSON.
const MAX_PATCH_SIZE: usize = 32 << 10;

/// The reported PATCHes that answer desired properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerReport {
    /// The patches, in order; empty if there is nothing to say.
    pub patches: Vec<Map<String, Value>>,
    /// The number of answers whose value and description have no room in the reported properties.
    pub without_value: usize,
    /// The number of answers that have no room there.
    pub left_out: usize,
}

/// The last answer to a desired property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LastAnswer {
    value: Value,
    status: u32,
    description: String,
}

impl From<Acknowledgment> for LastAnswer {
    fn from(acknowledgment: Acknowledgment) -> Self {
        let description = acknowledgment.description.chars();
        Self {
            value: acknowledgment.value,
            status: acknowledgment.status,
            description: description.take(MAX_DESCRIPTION_LENGTH).collect(),
        }
    }
}

impl LastAnswer {
    /// The size of value and description, in the hub's count.
    pub(super) fn content_size(&self) -> usize {
        size(&self.value) + self.description.len()
    }

    /// Removes the value and the description.
    pub(super) fn bare(self) -> Self {
        Self {
            value: Value::Null,
            status: self.status,
            description: String::new(),
        }
    }

    /// Removes the value: the hub would reject it, and everything reported with it.
    pub(super) fn without_value(self) -> Self {
        Self {
            value: Value::Null,
            ..self
        }
    }

    /// The property as Plug and Play has it reported: value, status code, version, description. What the answer
    /// `before` said and this one does not is removed, since the hub merges the value into the old one.
    pub(super) fn report(&self, version: u64, before: Option<&Self>) -> Value {
        let mut value = self.value.clone();
        if let Some(before) = before {
            remove_missing(&before.value, &mut value);
        }
        json!({"value": value, "ac": self.status, "av": version, "ad": self.description})
    }
}

fn remove_missing(before: &Value, value: &mut Value) {
    let (Value::Object(before), Value::Object(members)) = (before, value) else {
        return;
    };
    for (name, before) in before {
        match members.entry(name) {
            Entry::Vacant(missing) => {
                missing.insert(Value::Null);
            }
            Entry::Occupied(mut member) => remove_missing(before, member.get_mut()),
        }
    }
}

/// The reported PATCH for properties of a Plug and Play component, or of the device itself.
#[must_use]
pub fn component_report(
    component: Option<&str>,
    mut properties: Map<String, Value>,
) -> Map<String, Value> {
    let Some(component) = component else {
        return properties;
    };
    properties.insert("__t".to_owned(), "c".into());
    [(component.to_owned(), properties.into())]
        .into_iter()
        .collect()
}

/// Returns the size in bytes, as sent.
pub(crate) fn report_size(report: &Map<String, Value>) -> usize {
    serde_json::to_vec(report).map_or(0, |text| text.len())
}

/// The reported PATCHes for answers by component, `""` being the device itself, as few as their size allows.
pub(super) fn patches<'a>(
    answers: impl IntoIterator<Item = (&'a str, Map<String, Value>)>,
) -> Vec<Map<String, Value>> {
    let mut patches = Vec::new();
    let mut patch = Map::new();
    let mut patch_size = 0;
    for (component, answers) in answers {
        let component = Some(component).filter(|component| !component.is_empty());
        let mut part = Map::new();
        for (name, answer) in answers {
            // With a colon and a comma.
            let size = Value::from(&*name).to_string().len() + answer.to_string().len() + 2;
            if patch_size + size > MAX_PATCH_SIZE && patch_size > 0 {
                add_part(&mut patch, component, std::mem::take(&mut part));
                patches.push(std::mem::take(&mut patch));
                patch_size = 0;
            }
            patch_size += size;
            part.insert(name, answer);
        }
        add_part(&mut patch, component, part);
    }
    patches.extend((!patch.is_empty()).then_some(patch));
    patches
}

fn add_part(patch: &mut Map<String, Value>, component: Option<&str>, part: Map<String, Value>) {
    if !part.is_empty() {
        patch.extend(component_report(component, part));
    }
}

/// Makes two reported PATCHes one, with the same effect as both in turn. Gives `newer` back, and leaves `pending` as it
/// was, if no single PATCH has that effect: where an object follows something else, the hub would merge it into what it
/// had before.
pub fn merge_report(
    pending: &mut Map<String, Value>,
    newer: Map<String, Value>,
) -> Result<(), Map<String, Value>> {
    if !can_follow(pending, &newer) {
        return Err(newer);
    }
    overlay(pending, newer);
    Ok(())
}

fn can_follow(pending: &Map<String, Value>, newer: &Map<String, Value>) -> bool {
    newer
        .iter()
        .all(|(name, value)| match (pending.get(name), value) {
            (Some(Value::Object(pending)), Value::Object(newer)) => can_follow(pending, newer),
            (Some(_), Value::Object(_)) => false,
            _ => true,
        })
}

fn overlay(pending: &mut Map<String, Value>, newer: Map<String, Value>) {
    for (name, value) in newer {
        match (pending.get_mut(&name), value) {
            (Some(Value::Object(pending)), Value::Object(newer)) => overlay(pending, newer),
            (_, value) => {
                pending.insert(name, value);
            }
        }
    }
}
