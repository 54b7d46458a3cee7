//! The DTDL versions and their limits.

use serde::Serialize;

/// The DTDL version of an interface, from its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `dtmi:dtdl:context;2`
    V2,
    /// `dtmi:dtdl:context;3`
    V3,
}

/// The language of an element: the DTDL version, and whether IoT Central's extension is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Language {
    pub(crate) dialect: Dialect,
    /// True under a context of IoT Central, which adds members and takes more units.
    pub(crate) central: bool,
}

/// The supported contexts, for errors.
pub(crate) const CONTEXTS: &str = "dtmi:dtdl:context;2 or dtmi:dtdl:context;3";
/// The longest identifier of an interface, in characters, in all versions.
pub(crate) const MAX_INTERFACE_ID: usize = 128;
/// The longest description or comment, in characters, in all versions.
pub(crate) const MAX_DESCRIPTION: usize = 512;
/// The deepest nesting of complex schemas, without enumerations, in all versions.
pub(crate) const MAX_NESTED_SCHEMAS: usize = 5;
/// The longest chain of interfaces that extend each other, in all versions.
pub(crate) const MAX_EXTENDS_DEPTH: usize = 10;
/// The most elements of an interface, nested ones included: a rule of v3 that holds here for v2 too, because a few hundred
/// names that share schemas can expand to thousands of millions.
pub(crate) const MAX_ELEMENTS: usize = 100_000;

/// The limits of one version. Sets that v3 does not limit are limited by the number of elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Longest name, in characters.
    pub(crate) name: usize,
    /// Longest display name, in characters.
    pub(crate) display_name: usize,
    /// Most contents of an interface, inherited ones included, or properties of a relationship.
    pub(crate) contents: usize,
    /// Most extended interfaces: in v2 direct ones, in v3 all.
    pub(crate) extends: usize,
    /// Most values of an Enum.
    pub(crate) enum_values: usize,
    /// Most fields of an Object.
    pub(crate) fields: usize,
    /// True if an Enum or Object may be empty.
    pub(crate) empty_sets: bool,
    /// True if the schema of a property may contain an Array or a geometry.
    pub(crate) arrays_in_properties: bool,
    /// True if an identifier may have no version, or a minor version.
    pub(crate) free_versions: bool,
    /// Largest `maxMultiplicity` of a relationship.
    pub(crate) multiplicity: i64,
}

impl Dialect {
    /// Returns the version of a context.
    pub(crate) fn of_context(context: &str) -> Option<Self> {
        match context {
            "dtmi:dtdl:context;2" => Some(Self::V2),
            "dtmi:dtdl:context;3" => Some(Self::V3),
            _ => None,
        }
    }

    pub(crate) fn limits(self) -> Limits {
        match self {
            Self::V2 => Limits {
                name: 64,
                display_name: 64,
                contents: 300,
                extends: 2,
                enum_values: 100,
                fields: 30,
                empty_sets: false,
                arrays_in_properties: false,
                free_versions: false,
                multiplicity: 500,
            },
            Self::V3 => Limits {
                name: 512,
                display_name: 512,
                contents: MAX_ELEMENTS,
                extends: 1024,
                enum_values: MAX_ELEMENTS,
                fields: MAX_ELEMENTS,
                empty_sets: true,
                arrays_in_properties: true,
                free_versions: true,
                multiplicity: i32::MAX as i64,
            },
        }
    }
}
