//! What a patch of a digital twin comes to as a patch of desired properties.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::Twin;
use super::super::twin::replacing;
use super::patch::{Change, DigitalTwinPatch, Operation};
use super::{MARKER, component};
use crate::hub::Error;

/// What the operations touched of a name: all of it, or some properties of a component.
enum Touched {
    Whole,
    Properties(BTreeSet<String>),
}

impl DigitalTwinPatch {
    /// The desired properties that change, as a merge patch: operations take effect in order, and what none of them
    /// names is not in it.
    ///
    /// # Errors
    /// `ArgumentInvalid`, if an operation takes for a component what is none, or the other way round.
    pub(super) fn desired(&self, twin: &Twin) -> Result<Map<String, Value>, Error> {
        let mut next = twin.desired().clone();
        let mut touched = BTreeMap::new();
        for operation in &self.operations {
            operation.check_kind(&next, twin)?;
            operation.apply(&mut next);
            operation.note(&mut touched);
        }
        let old = twin.desired();
        let change = |(name, touched): (String, Touched)| {
            let change = touched.change(old.get(&name), next.get(&name));
            (name, change)
        };
        Ok(touched.into_iter().map(change).collect())
    }
}

impl Operation {
    /// Whatever the twin has under the name must be of the operation's kind.
    fn check_kind(&self, desired: &Map<String, Value>, twin: &Twin) -> Result<(), Error> {
        let wants_component = match (&self.component, &self.change) {
            (Some(_), _) | (None, Change::Component(_)) => true,
            (None, Change::Property(_)) => false,
            (None, Change::Remove) => return Ok(()),
        };
        let name = self.component.as_ref().unwrap_or(&self.name);
        let there = |half: &Map<String, Value>| {
            half.get(name)?;
            Some(component(half, name).is_some())
        };
        let kinds = [there(desired), there(twin.reported())];
        if !kinds.contains(&Some(!wants_component)) {
            return Ok(());
        }
        Err(self.refused(&match wants_component {
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
        // A component without properties is none.
        if inner.keys().any(|name| name != MARKER.0) {
            desired.insert(component.clone(), marked(inner).into());
        }
    }

    fn note(&self, touched: &mut BTreeMap<String, Touched>) {
        let Some(component) = &self.component else {
            touched.insert(self.name.clone(), Touched::Whole);
            return;
        };
        let some = || Touched::Properties(BTreeSet::new());
        let touched = touched.entry(component.clone()).or_insert_with(some);
        if let Touched::Properties(names) = touched {
            names.insert(self.name.clone());
        }
    }
}

impl Touched {
    fn change(&self, old: Option<&Value>, new: Option<&Value>) -> Value {
        let (Self::Properties(names), Some(new)) = (self, new) else {
            return replacing(old, new.cloned());
        };
        let change = |name: &String| {
            let old = old.and_then(|old| old.get(name));
            (name.clone(), replacing(old, new.get(name).cloned()))
        };
        marked(names.iter().map(change).collect()).into()
    }
}

fn marked(mut component: Map<String, Value>) -> Map<String, Value> {
    let (key, value) = MARKER;
    component.insert(key.into(), value.into());
    component
}
