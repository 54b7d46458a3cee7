//! Validation of messages and twins against the model of a device.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Validator, Violation};
use crate::{
    interface::{Command, Interface, Property},
    location::Location,
    models::Model,
    schema::Datum,
};

/// The member that marks a component in a twin.
const MARKER: &str = "__t";
/// The members of an acknowledgment, which a device reports for a desired property.
const ACKNOWLEDGMENT: [&str; 4] = ["value", "ac", "av", "ad"];

/// The result of validating a message or a twin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Violations of the model.
    pub violations: Vec<Violation>,
    /// Data that is not in the model, as JSON pointers. Azure accepts unmodeled data, and shows it apart.
    pub unmodeled: Vec<String>,
}

impl Findings {
    /// Returns true if all data is modeled and valid.
    pub fn is_empty(&self) -> bool {
        self.violations.is_empty() && self.unmodeled.is_empty()
    }
}

impl Property {
    /// Validates a reported value: a plain value, or an acknowledgment
    /// `{"value": …, "ac": 200, "av": 3, "ad": "…"}`. Null removes the reported value.
    pub fn validate_reported(&self, value: &Value) -> Vec<Violation> {
        let mut validator = Validator::of_twin();
        validator.reported(&self.datum, value, &Location::DOCUMENT);
        validator.violations
    }

    /// Validates a desired value. Null removes the desired value.
    pub fn validate_desired(&self, value: &Value) -> Vec<Violation> {
        let mut validator = Validator::of_twin();
        validator.desired(self, value, &Location::DOCUMENT);
        validator.violations
    }
}

impl Command {
    /// Validates the payload of a request; null stands for none.
    pub fn validate_request(&self, payload: &Value) -> Vec<Violation> {
        validate_payload(self.request.as_deref(), payload)
    }

    /// Validates the payload of a response; null stands for none.
    pub fn validate_response(&self, payload: &Value) -> Vec<Violation> {
        validate_payload(self.response.as_deref(), payload)
    }
}

impl Model {
    /// Validates a telemetry message of the device or of one of its components.
    pub fn validate_telemetry(&self, component: Option<&str>, body: &Value) -> Findings {
        let mut validator = Validator::default();
        let mut unmodeled = Vec::new();
        match (self.interface(component), body.as_object()) {
            (None, _) => unmodeled.push(Location::DOCUMENT.to_string()),
            (_, None) => validator.violation(&Location::DOCUMENT, "an object of telemetry", body),
            (Some(interface), Some(members)) => {
                validator.telemetry(interface, members, &mut unmodeled);
            }
        }
        validator.findings(unmodeled)
    }

    /// Validates reported properties, all or a patch. Members that begin with `$` are the hub's own.
    pub fn validate_reported(&self, reported: &Value) -> Findings {
        self.validate_twin(reported, |validator, property, value, location| {
            validator.reported(&property.datum, value, location);
        })
    }

    /// Validates values and writability of desired properties, all or a patch. Members that begin with `$` are the hub's
    /// own.
    pub fn validate_desired(&self, desired: &Value) -> Findings {
        self.validate_twin(desired, Validator::desired)
    }

    fn validate_twin(&self, document: &Value, each: EachProperty) -> Findings {
        let mut twin = Twin {
            validator: Validator::of_twin(),
            unmodeled: Vec::new(),
            each,
        };
        match document.as_object() {
            Some(members) => twin.device(self, members),
            None => {
                let root = &Location::DOCUMENT;
                twin.validator
                    .violation(root, "an object of properties", document);
            }
        }
        twin.validator.findings(twin.unmodeled)
    }
}

/// The validation of one property in a twin.
type EachProperty = fn(&mut Validator, &Property, &Value, &Location<'_>);

/// A validation of properties in progress.
struct Twin {
    validator: Validator,
    unmodeled: Vec<String>,
    each: EachProperty,
}

impl Twin {
    fn device(&mut self, model: &Model, members: &Map<String, Value>) {
        for (name, value) in own(members) {
            let location = Location::DOCUMENT.member(name);
            match model.component(name) {
                Some(component) => self.component(component, value, &location),
                None => self.property(model.root(), name, value, &location),
            }
        }
    }

    fn component(&mut self, component: &Interface, value: &Value, location: &Location<'_>) {
        if value.is_null() {
            return;
        }
        let marker = value.get(MARKER).unwrap_or(&Value::Null);
        if marker != "c" {
            self.validator.violation(
                &location.member(MARKER),
                "\"c\", the mark of a component",
                marker,
            );
        }
        for (name, value) in value.as_object().into_iter().flat_map(own) {
            if name != MARKER {
                self.property(component, name, value, &location.member(name));
            }
        }
    }

    fn property(
        &mut self,
        interface: &Interface,
        name: &str,
        value: &Value,
        location: &Location<'_>,
    ) {
        match interface.property(name) {
            Some(property) => (self.each)(&mut self.validator, property, value, location),
            None => self.unmodeled.push(location.to_string()),
        }
    }
}

impl Validator {
    fn telemetry(
        &mut self,
        interface: &Interface,
        members: &Map<String, Value>,
        unmodeled: &mut Vec<String>,
    ) {
        for (name, value) in members {
            let location = Location::DOCUMENT.member(name);
            match interface
                .telemetry()
                .find(|telemetry| telemetry.name == *name)
            {
                Some(telemetry) => self.schema(&telemetry.schema, value, &location),
                None => unmodeled.push(location.to_string()),
            }
        }
    }

    fn reported(&mut self, datum: &Datum, value: &Value, location: &Location<'_>) {
        let Some(acknowledgment) = as_acknowledgment(value) else {
            return self.member(&datum.schema, value, location);
        };
        for (name, value) in acknowledgment {
            let location = location.member(name);
            match name.as_str() {
                "value" => self.member(&datum.schema, value, &location),
                "ad" if value.is_string() => {}
                "ad" => self.violation(&location, "a string", value),
                _ if value.is_i64() => {}
                _ => self.violation(&location, "an integer", value),
            }
        }
    }

    fn desired(&mut self, property: &Property, value: &Value, location: &Location<'_>) {
        if property.writable {
            self.member(&property.datum.schema, value, location);
        } else {
            self.violation(
                location,
                "no value for a property that is not writable",
                value,
            );
        }
    }

    fn findings(self, unmodeled: Vec<String>) -> Findings {
        Findings {
            violations: self.violations,
            unmodeled,
        }
    }
}

fn validate_payload(datum: Option<&Datum>, payload: &Value) -> Vec<Violation> {
    if let Some(datum) = datum {
        return datum.schema.validate(payload);
    }
    let mut validator = Validator::default();
    if !payload.is_null() {
        validator.violation(&Location::DOCUMENT, "no payload", payload);
    }
    validator.violations
}

/// Returns the members if the value is an acknowledgment.
fn as_acknowledgment(value: &Value) -> Option<&Map<String, Value>> {
    let members = value.as_object()?;
    let known = |name: &String| ACKNOWLEDGMENT.contains(&name.as_str());
    let complete = members.contains_key("ac") && members.contains_key("av");
    (complete && members.keys().all(known)).then_some(members)
}

/// Returns the members that are not the hub's own.
fn own(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    members.iter().filter(|(name, _)| !name.starts_with('$'))
}
