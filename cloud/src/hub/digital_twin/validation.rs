//! Validation of a patch against the device's model.

use dtdl::{Content, Interface, Model};

use super::patch::{Change, DigitalTwinPatch, Operation};
use crate::{hub::Error, json::JsonValue};

impl DigitalTwinPatch {
    /// Validates names, writability and values.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the operation and the location in its value.
    pub fn validate(&self, model: &Model) -> Result<(), Error> {
        let validate = |operation: &Operation| {
            let violation = operation.violation(model);
            violation.map_or(Ok(()), |message| Err(operation.error(&message)))
        };
        self.operations.iter().try_for_each(validate)
    }
}

impl Operation {
    /// Returns the first violation of the model.
    fn violation(&self, model: &Model) -> Option<String> {
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
    fn value(&self) -> Option<&JsonValue> {
        match self {
            Self::Property(value) => Some(value),
            Self::Component(_) | Self::Remove => None,
        }
    }
}

/// Validates a property that is set, or cleared without a value.
fn property(interface: &Interface, name: &str, value: Option<&JsonValue>) -> Result<(), String> {
    let Some(property) = interface.property(name) else {
        return Err(match is_cloud_property(interface, name) {
            true => format!(
                "{name:?} is a cloud property in {}, which the device does not get; it is set in the tag \"cloudProperties\"",
                interface.id
            ),
            false => format!("{} has no property {name:?}", interface.id),
        });
    };
    if !property.writable {
        return Err(format!("{name:?} is not writable in {}", interface.id));
    }
    let violations = value.map(|value| property.validate_desired(&value.to_serde_json()));
    match violations.unwrap_or_default().first() {
        Some(violation) => Err(format!("invalid value of {name:?}: {violation}")),
        None => Ok(()),
    }
}

fn is_cloud_property(interface: &Interface, name: &str) -> bool {
    let is_cloud = |content: &Content| matches!(content, Content::CloudProperty(_));
    let mut contents = interface.contents.iter();
    contents.any(|content| content.name() == name && is_cloud(content))
}
