//! Conversion of a digital twin patch to a patch of desired properties.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    super::{Twin, twin::replacement},
    MARKER, component,
    patch::{Change, DigitalTwinPatch, Operation},
};
use crate::hub::Error;

/// The part of a desired property that the operations change.
enum ChangedPart {
    /// All of it.
    Whole,
    /// These properties of a component.
    Properties(BTreeSet<String>),
}

impl DigitalTwinPatch {
    /// Returns a merge patch of the desired properties that change. Operations take effect in order.
    ///
    /// # Errors
    /// `ArgumentInvalid`, if an operation addresses a property as a component, or a component as a property.
    pub(super) fn desired(&self, twin: &Twin) -> Result<Map<String, Value>, Error> {
        let mut next = twin.desired().clone();
        let mut changed = BTreeMap::new();
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
    fn check_kind(&self, desired: &Map<String, Value>, twin: &Twin) -> Result<(), Error> {
        let wants_component = match (&self.component, &self.change) {
            (Some(_), _) | (None, Change::Component(_)) => true,
            (None, Change::Property(_)) => false,
            (None, Change::Remove) => return Ok(()),
        };
        let name = self.component.as_ref().unwrap_or(&self.name);
        let is_component = |section: &Map<String, Value>| {
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

    fn apply(&self, desired: &mut Map<String, Value>) {
        let Some(component) = &self.component else {
            match &self.change {
                Change::Property(value) => desired.insert(self.name.clone(), value.clone()),
                Change::Component(values) => {
                    desired.insert(self.name.clone(), marked(values.clone()).into())
                }
                Change::Remove => desired.remove(&self.name),
            };
            return;
        };
        let mut inner = match desired.remove(component) {
            Some(Value::Object(inner)) => inner,
            _ => Map::new(),
        };
        match &self.change {
            Change::Property(value) => inner.insert(self.name.clone(), value.clone()),
            _ => inner.remove(&self.name),
        };
        // A component without properties is removed.
        if inner.keys().any(|name| name != MARKER.0) {
            desired.insert(component.clone(), marked(inner).into());
        }
    }

    fn add_to(&self, changed: &mut BTreeMap<String, ChangedPart>) {
        let Some(component) = &self.component else {
            changed.insert(self.name.clone(), ChangedPart::Whole);
            return;
        };
        let some = || ChangedPart::Properties(BTreeSet::new());
        let part = changed.entry(component.clone()).or_insert_with(some);
        if let ChangedPart::Properties(names) = part {
            names.insert(self.name.clone());
        }
    }
}

impl ChangedPart {
    fn change(&self, old: Option<&Value>, new: Option<&Value>) -> Value {
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

fn marked(mut component: Map<String, Value>) -> Map<String, Value> {
    let (key, value) = MARKER;
    component.insert(key.into(), value.into());
    component
}
