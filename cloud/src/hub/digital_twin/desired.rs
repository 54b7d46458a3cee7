//! Conversion of a digital twin patch to a patch of desired properties.

use std::mem;

use indexmap::{IndexMap, IndexSet};

use super::{
    super::{Twin, twin::replacement},
    MARKER, component,
    patch::{Change, DigitalTwinPatch, Operation},
};
use crate::{
    hub::Error,
    json::{JsonObject, JsonValue, object},
};

/// The part of a desired property that the operations change.
enum ChangedPart {
    /// All of it.
    Whole,
    /// These properties of a component.
    Properties(IndexSet<String>),
}

impl DigitalTwinPatch {
    /// Returns a merge patch of the desired properties that change. Operations take effect in order.
    ///
    /// # Errors
    /// `ArgumentInvalid`, if an operation addresses a property as a component, or a component as a property.
    pub(super) fn desired(&self, twin: &Twin) -> Result<JsonObject, Error> {
        let mut next = twin.desired().clone();
        let mut changed = IndexMap::new();
        for operation in &self.operations {
            operation.check_kind(&next, twin)?;
            operation.apply(&mut next);
            operation.add_to(&mut changed);
        }
        let old = twin.desired();
        let change = |(name, part): (String, ChangedPart)| {
            let change = part.change(old.get(&name), next.get(&name));
            (name, change)
        };
        Ok(changed.into_iter().map(change).collect())
    }
}

impl Operation {
    /// Checks that the twin has a component under the name if the operation addresses one, and none otherwise.
    fn check_kind(&self, desired: &JsonObject, twin: &Twin) -> Result<(), Error> {
        let wants_component = match (&self.component, &self.change) {
            (Some(_), _) | (None, Change::Component(_)) => true,
            (None, Change::Property(_)) => false,
            (None, Change::Remove) => return Ok(()),
        };
        let name = self.component.as_ref().unwrap_or(&self.name);
        let is_component = |section: &JsonObject| {
            section.get(name)?;
            Some(component(section, name).is_some())
        };
        let kinds = [is_component(desired), is_component(twin.reported())];
        if !kinds.contains(&Some(!wants_component)) {
            return Ok(());
        }
        Err(self.error(&match wants_component {
            // Azure's own words.
            true => format!("'{name}' exists within the device twin and is not digital twin conformant property. Please refer to aka.ms/dtpatch to update this to be conformant."),
            false => format!("{name:?} is a component, whose value must have \"$metadata\": {{}}"),
        }))
    }

    fn apply(&self, desired: &mut JsonObject) {
        let Some(component) = &self.component else {
            match &self.change {
                Change::Property(value) => desired.insert(self.name.clone(), value.clone()),
                Change::Component(values) => {
                    desired.insert(self.name.clone(), marked(values.clone()).into())
                }
                Change::Remove => desired.shift_remove(&self.name),
            };
            return;
        };
        let mut inner = match desired.get_mut(component).map(mem::take) {
            Some(JsonValue::Object(inner)) => inner,
            _ => JsonObject::new(),
        };
        match &self.change {
            Change::Property(value) => inner.insert(self.name.clone(), value.clone()),
            _ => inner.shift_remove(&self.name),
        };
        // A component without properties is removed.
        match inner.keys().any(|name| name != MARKER.0) {
            true => desired.insert(component.clone(), marked(inner).into()),
            false => desired.shift_remove(component),
        };
    }

    fn add_to(&self, changed: &mut IndexMap<String, ChangedPart>) {
        let Some(component) = &self.component else {
            changed.insert(self.name.clone(), ChangedPart::Whole);
            return;
        };
        let some = || ChangedPart::Properties(IndexSet::new());
        let part = changed.entry(component.clone()).or_insert_with(some);
        if let ChangedPart::Properties(names) = part {
            names.insert(self.name.clone());
        }
    }
}

impl ChangedPart {
    fn change(&self, old: Option<&JsonValue>, new: Option<&JsonValue>) -> JsonValue {
        let (Self::Properties(names), Some(new)) = (self, new) else {
            return replacement(old, new.cloned());
        };
        let change = |name: &String| {
            let old = old.and_then(|old| old.get(name));
            (name.clone(), replacement(old, new.get(name).cloned()))
        };
        marked(names.iter().map(change).collect()).into()
    }
}

/// Puts the marker of a component first.
fn marked(component: JsonObject) -> JsonObject {
    let (key, value) = MARKER;
    let mut marked = object([(key, value.into())]);
    marked.extend(component);
    marked
}
