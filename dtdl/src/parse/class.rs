//! The classes of DTDL and their members.

use crate::dialect::Dialect;

/// A class of elements.
#[derive(Debug)]
pub(super) struct Class {
    /// Name in `@type`.
    pub(super) name: &'static str,
    /// True if `@type` may be missing, because the context implies it.
    pub(super) implied: bool,
    /// DTDL versions in which it may have a semantic type and a unit.
    pub(super) quantitative: &'static [Dialect],
    /// Allowed members beside [`COMMON`].
    pub(super) members: &'static [&'static str],
    /// Members that IoT Central adds.
    pub(super) central: &'static [&'static str],
}

/// The members that every element may have.
pub(super) const COMMON: [&str; 6] = [
    "@context",
    "@id",
    "@type",
    "comment",
    "description",
    "displayName",
];

/// What IoT Central adds to a value.
const CENTRAL_VALUE: &[&str] = &[
    "color",
    "decimalPlaces",
    "displayUnit",
    "falseName",
    "initialValue",
    "maxLength",
    "maxValue",
    "minLength",
    "minValue",
    "trueName",
    "unit",
];

const ALWAYS: &[Dialect] = &[Dialect::V2, Dialect::V3];
const SINCE_V3: &[Dialect] = &[Dialect::V3];
const NEVER: &[Dialect] = &[];

pub(super) const INTERFACE: Class =
    explicit("Interface", NEVER, &["contents", "extends", "schemas"]);
pub(super) const TELEMETRY: Class =
    explicit("Telemetry", ALWAYS, &["name", "schema"]).with_central(CENTRAL_VALUE);
pub(super) const PROPERTY: Class =
    explicit("Property", ALWAYS, &["name", "schema", "writable"]).with_central(CENTRAL_VALUE);
pub(super) const COMMAND: Class = explicit(
    "Command",
    NEVER,
    &["name", "request", "response", "commandType"],
)
.with_central(&["durable"]);
pub(super) const COMPONENT: Class = explicit("Component", NEVER, &["name", "schema"]);
pub(super) const RELATIONSHIP: Class = explicit(
    "Relationship",
    NEVER,
    &[
        "name",
        "target",
        "minMultiplicity",
        "maxMultiplicity",
        "properties",
        "writable",
    ],
);
pub(super) const ARRAY: Class = explicit("Array", NEVER, &["elementSchema"]);
pub(super) const ENUM: Class = explicit("Enum", NEVER, &["enumValues", "valueSchema"]);
pub(super) const MAP: Class = explicit("Map", NEVER, &["mapKey", "mapValue"]);
pub(super) const OBJECT: Class = explicit("Object", NEVER, &["fields"]);
pub(super) const PAYLOAD_V2: Class =
    implied("CommandPayload", NEVER, &["name", "schema"]).with_central(CENTRAL_VALUE);
pub(super) const REQUEST_V3: Class =
    implied("CommandRequest", SINCE_V3, &["name", "schema"]).with_central(CENTRAL_VALUE);
pub(super) const RESPONSE_V3: Class =
    implied("CommandResponse", SINCE_V3, &["name", "schema"]).with_central(CENTRAL_VALUE);
pub(super) const FIELD: Class =
    implied("Field", SINCE_V3, &["name", "schema"]).with_central(CENTRAL_VALUE);
pub(super) const MAP_KEY: Class = implied("MapKey", NEVER, &["name", "schema"]);
pub(super) const MAP_VALUE: Class = implied("MapValue", SINCE_V3, &["name", "schema"]);
pub(super) const ENUM_VALUE: Class = implied("EnumValue", NEVER, &["name", "enumValue"]);

const ALL: [&Class; 17] = [
    &INTERFACE,
    &TELEMETRY,
    &PROPERTY,
    &COMMAND,
    &COMPONENT,
    &RELATIONSHIP,
    &ARRAY,
    &ENUM,
    &MAP,
    &OBJECT,
    &PAYLOAD_V2,
    &REQUEST_V3,
    &RESPONSE_V3,
    &FIELD,
    &MAP_KEY,
    &MAP_VALUE,
    &ENUM_VALUE,
];

/// Returns true for the name of a class. An element has exactly one.
pub(super) fn is_class(name: &str) -> bool {
    ALL.iter().any(|class| class.name == name)
}

impl Class {
    const fn with_central(mut self, members: &'static [&'static str]) -> Self {
        self.central = members;
        self
    }
}

const fn explicit(
    name: &'static str,
    quantitative: &'static [Dialect],
    members: &'static [&'static str],
) -> Class {
    Class {
        name,
        implied: false,
        quantitative,
        members,
        central: &[],
    }
}

const fn implied(
    name: &'static str,
    quantitative: &'static [Dialect],
    members: &'static [&'static str],
) -> Class {
    Class {
        implied: true,
        ..explicit(name, quantitative, members)
    }
}
