//! What devices send and are sent, against their model.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Check, Misfit};
use crate::interface::{Command, Interface, Property};
use crate::models::Model;
use crate::place::Place;
use crate::schema::Datum;

/// What marks a part of a twin as that of a component.
const MARKER: &str = "__t";
/// The members of an acknowledgment, which a device reports for a property that was desired.
const ACKNOWLEDGMENT: [&str; 4] = ["value", "ac", "av", "ad"];

/// What of a message or a twin is not as the model says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// What the model knows, and would have otherwise.
    pub misfits: Vec<Misfit>,
    /// What the model does not know, as JSON pointers. Azure takes it, and shows it apart.
    pub unmodelled: Vec<String>,
}

impl Findings {
    /// Whether everything is known and fits.
    pub fn is_empty(&self) -> bool {
        self.misfits.is_empty() && self.unmodelled.is_empty()
    }
}

impl Property {
    /// What of a value a device reports does not fit: of a plain value, or of an acknowledgment
    /// `{"value": …, "ac": 200, "av": 3, "ad": "…"}`. Null removes what was reported before.
    pub fn check_reported(&self, value: &Value) -> Vec<Misfit> {
        let mut check = Check::of_twin();
        check.reported(&self.datum, value, &Place::DOCUMENT);
        check.misfits
    }

    /// What of a value an operator desires does not fit. Null removes what was desired before.
    pub fn check_desired(&self, value: &Value) -> Vec<Misfit> {
        let mut check = Check::of_twin();
        check.desired(self, value, &Place::DOCUMENT);
        check.misfits
    }
}

impl Command {
    /// What of a request does not fit. A command without one takes null, which stands for none.
    pub fn check_request(&self, payload: &Value) -> Vec<Misfit> {
        check_payload(self.request.as_deref(), payload)
    }

    /// What of a response does not fit. A command without one answers null, which stands for none.
    pub fn check_response(&self, payload: &Value) -> Vec<Misfit> {
        check_payload(self.response.as_deref(), payload)
    }
}

impl Model {
    /// What of a telemetry message, of the device or one of its components, is not as the model says.
    pub fn check_telemetry(&self, component: Option<&str>, body: &Value) -> Findings {
        let mut check = Check::default();
        let mut unmodelled = Vec::new();
        match (self.interface(component), body.as_object()) {
            (None, _) => unmodelled.push(Place::DOCUMENT.to_string()),
            (_, None) => check.misfit(&Place::DOCUMENT, "an object of telemetry", body),
            (Some(interface), Some(members)) => {
                check.telemetry(interface, members, &mut unmodelled);
            }
        }
        check.findings(unmodelled)
    }

    /// What of reported properties, the whole document or a patch of it, is not as the model says. Members that begin
    /// with `$` are the hub's own.
    pub fn check_reported(&self, reported: &Value) -> Findings {
        self.check_twin(reported, |check, property, value, place| {
            check.reported(&property.datum, value, place);
        })
    }

    /// What of desired properties, the whole document or a patch of it, is not as the model says: a value that does not
    /// fit, or a property that is not writable. Members that begin with `$` are the hub's own.
    pub fn check_desired(&self, desired: &Value) -> Findings {
        self.check_twin(desired, Check::desired)
    }

    fn check_twin(&self, document: &Value, each: EachProperty) -> Findings {
        let mut twin = Twin {
            check: Check::of_twin(),
            unmodelled: Vec::new(),
            each,
        };
        match document.as_object() {
            Some(members) => twin.device(self, members),
            None => {
                let root = &Place::DOCUMENT;
                twin.check.misfit(root, "an object of properties", document);
            }
        }
        twin.check.findings(twin.unmodelled)
    }
}

/// What is checked of each property in a twin.
type EachProperty = fn(&mut Check, &Property, &Value, &Place<'_>);

/// A check of properties under way.
struct Twin {
    check: Check,
    unmodelled: Vec<String>,
    each: EachProperty,
}

impl Twin {
    fn device(&mut self, model: &Model, members: &Map<String, Value>) {
        for (name, value) in own(members) {
            let place = Place::DOCUMENT.member(name);
            match model.component(name) {
                Some(component) => self.component(component, value, &place),
                None => self.property(model.root(), name, value, &place),
            }
        }
    }

    fn component(&mut self, component: &Interface, value: &Value, place: &Place<'_>) {
        if value.is_null() {
            return;
        }
        let marker = value.get(MARKER).unwrap_or(&Value::Null);
        if marker != "c" {
            self.check.misfit(
                &place.member(MARKER),
                "\"c\", which marks a component,",
                marker,
            );
        }
        for (name, value) in value.as_object().into_iter().flat_map(own) {
            if name != MARKER {
                self.property(component, name, value, &place.member(name));
            }
        }
    }

    fn property(&mut self, interface: &Interface, name: &str, value: &Value, place: &Place<'_>) {
        match interface.property(name) {
            Some(property) => (self.each)(&mut self.check, property, value, place),
            None => self.unmodelled.push(place.to_string()),
        }
    }
}

impl Check {
    fn telemetry(
        &mut self,
        interface: &Interface,
        members: &Map<String, Value>,
        unmodelled: &mut Vec<String>,
    ) {
        for (name, value) in members {
            let place = Place::DOCUMENT.member(name);
            match interface
                .telemetry()
                .find(|telemetry| telemetry.name == *name)
            {
                Some(telemetry) => self.schema(&telemetry.schema, value, &place),
                None => unmodelled.push(place.to_string()),
            }
        }
    }

    fn reported(&mut self, datum: &Datum, value: &Value, place: &Place<'_>) {
        let Some(acknowledgment) = as_acknowledgment(value) else {
            return self.member(&datum.schema, value, place);
        };
        for (name, value) in acknowledgment {
            let place = place.member(name);
            match name.as_str() {
                "value" => self.member(&datum.schema, value, &place),
                "ad" if value.is_string() => {}
                "ad" => self.misfit(&place, "a text", value),
                _ if value.is_i64() => {}
                _ => self.misfit(&place, "a whole number", value),
            }
        }
    }

    fn desired(&mut self, property: &Property, value: &Value, place: &Place<'_>) {
        if property.writable {
            self.member(&property.datum.schema, value, place);
        } else {
            self.misfit(place, "nothing, for the property is not writable,", value);
        }
    }

    fn findings(self, unmodelled: Vec<String>) -> Findings {
        Findings {
            misfits: self.misfits,
            unmodelled,
        }
    }
}

fn check_payload(datum: Option<&Datum>, payload: &Value) -> Vec<Misfit> {
    if let Some(datum) = datum {
        return datum.schema.check(payload);
    }
    let mut check = Check::default();
    if !payload.is_null() {
        check.misfit(&Place::DOCUMENT, "nothing", payload);
    }
    check.misfits
}

/// An object with the members of an acknowledgment and no others.
fn as_acknowledgment(value: &Value) -> Option<&Map<String, Value>> {
    let members = value.as_object()?;
    let known = |name: &String| ACKNOWLEDGMENT.contains(&name.as_str());
    let complete = members.contains_key("ac") && members.contains_key("av");
    (complete && members.keys().all(known)).then_some(members)
}

/// The members that are not the hub's.
fn own(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    members.iter().filter(|(name, _)| !name.starts_with('$'))
}
