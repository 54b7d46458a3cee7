//! The versions of the language, and what each allows.

use serde::Serialize;

/// The version of DTDL an interface is written in, as its context says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `dtmi:dtdl:context;2`
    V2,
    /// `dtmi:dtdl:context;3`
    V3,
}

/// The contexts that are understood, for errors.
pub(crate) const CONTEXTS: &str = "dtmi:dtdl:context;2 or dtmi:dtdl:context;3";
/// How long the identifier of an interface may be, in characters, in every version.
pub(crate) const MAX_INTERFACE_ID: usize = 128;
/// How long a description or a comment may be, in characters, in every version.
pub(crate) const MAX_DESCRIPTION: usize = 512;
/// How many complex schemas may be nested, the outermost counted and an Enum not, in every version.
pub(crate) const MAX_NESTED_SCHEMAS: usize = 5;
/// How long a line of interfaces that extend each other may be, in every version.
pub(crate) const MAX_EXTENDS_DEPTH: usize = 10;
/// How many elements an interface may have, everything in them counted: a rule of v3 that holds here for v2 too, for a
/// few hundred names can share schemas so as to stand for thousands of millions.
pub(crate) const MAX_ELEMENTS: usize = 100_000;

/// What one version allows. Sizes of sets that v3 does not limit are limited there by the number of elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Length of a name, in characters.
    pub(crate) name: usize,
    /// Length of a display name, in characters.
    pub(crate) display_name: usize,
    /// Contents of an interface, with those it inherits, or properties of a relationship.
    pub(crate) contents: usize,
    /// Interfaces that one extends: in v2 directly, in v3 in all.
    pub(crate) extends: usize,
    /// Values of an Enum.
    pub(crate) enum_values: usize,
    /// Fields of an Object.
    pub(crate) fields: usize,
    /// Whether an Enum or Object may have no member.
    pub(crate) empty_sets: bool,
    /// Whether the schema of a property may contain an Array or a geometry, which is made of arrays.
    pub(crate) arrays_in_properties: bool,
    /// Whether an identifier may go without a version or have a minor one.
    pub(crate) free_versions: bool,
    /// The largest `maxMultiplicity` of a relationship.
    pub(crate) multiplicity: i64,
}

impl Dialect {
    /// The version that this context stands for.
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
