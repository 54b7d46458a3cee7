//! The number of elements of an interface.

use crate::{
    dialect::MAX_ELEMENTS,
    interface::{Content, Property},
    schema::{Datum, Schema},
};

/// Returns true if contents have no more elements than allowed, counting each use. Stops at the limit, so that schemas which
/// share others a thousand millionfold take no time.
pub(crate) fn is_allowed(contents: &[Content]) -> bool {
    let mut budget = Budget(MAX_ELEMENTS);
    contents.iter().all(|content| budget.content(content))
}

/// The remaining number of elements.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, elements: usize) -> bool {
        let left = self.0.checked_sub(elements);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    fn content(&mut self, content: &Content) -> bool {
        match content {
            Content::Telemetry(telemetry) => self.datum(telemetry),
            Content::Property(property) | Content::CloudProperty(property) => {
                self.datum(&property.datum)
            }
            Content::Command(command) => {
                let payloads = [&command.request, &command.response];
                self.spend(1)
                    && payloads
                        .into_iter()
                        .flatten()
                        .all(|payload| self.datum(payload))
            }
            Content::Component(_) => self.spend(1),
            Content::Relationship(relationship) => {
                let mut properties = relationship.properties.iter();
                self.spend(1) && properties.all(|Property { datum, .. }| self.datum(datum))
            }
        }
    }

    fn datum(&mut self, datum: &Datum) -> bool {
        self.spend(1) && self.schema(&datum.schema)
    }

    fn schema(&mut self, schema: &Schema) -> bool {
        match schema {
            Schema::Array { element } => self.spend(1) && self.schema(element),
            Schema::Enum { values } => self.spend(1 + values.len()),
            Schema::Map { value, .. } => self.spend(2) && self.datum(value),
            Schema::Object { fields } => {
                self.spend(1) && fields.iter().all(|field| self.datum(field))
            }
            _ => true,
        }
    }
}
