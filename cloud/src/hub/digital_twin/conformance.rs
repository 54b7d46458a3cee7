//! Whether a patch suits the device's model.

use dtdl::{Interface, Model};
use serde_json::Value;

use super::patch::{Change, DigitalTwinPatch, Operation};
use crate::hub::Error;

impl DigitalTwinPatch {
    /// Refuses a patch of what the model does not have, of what is not writable, and of values that do not fit.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the operation and, in its value, the place.
    pub fn check(&self, model: &Model) -> Result<(), Error> {
        let check = |operation: &Operation| {
            let misfit = operation.misfit(model);
            misfit.map_or(Ok(()), |why| Err(operation.refused(&why)))
        };
        self.operations.iter().try_for_each(check)
    }
}

impl Operation {
    /// Why the model does not have it so.
    fn misfit(&self, model: &Model) -> Option<String> {
        let component = |name: &str| {
            let unknown = || format!("the model {} has no component {name:?}", model.id());
            model.component(name).ok_or_else(unknown)
        };
        let checked = match (&self.component, &self.change) {
            (Some(name), change) => component(name)
                .and_then(|interface| property(interface, &self.name, change.value())),
            (None, Change::Component(values)) => component(&self.name).and_then(|interface| {
                let mut values = values.iter();
                values.try_for_each(|(name, value)| property(interface, name, Some(value)))
            }),
            (None, Change::Remove) if model.component(&self.name).is_some() => Ok(()),
            (None, change) => property(model.root(), &self.name, change.value()),
        };
        checked.err()
    }
}

impl Change {
    fn value(&self) -> Option<&Value> {
        match self {
            Self::Property(value) => Some(value),
            Self::Component(_) | Self::Remove => None,
        }
    }
}

/// A property that is set, or cleared if there is no value, must be writable.
fn property(interface: &Interface, name: &str, value: Option<&Value>) -> Result<(), String> {
    let Some(property) = interface.property(name) else {
        return Err(format!("{} has no property {name:?}", interface.id));
    };
    if !property.writable {
        return Err(format!("{name:?} is not writable in {}", interface.id));
    }
    let misfits = value.map(|value| property.check_desired(value));
    match misfits.unwrap_or_default().first() {
        Some(misfit) => Err(format!("the value of {name:?}: {misfit}")),
        None => Ok(()),
    }
}
