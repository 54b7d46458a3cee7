//! Digital Twins Definition Language (DTDL): device models as data.
//!
//! A model lists the telemetry, properties, commands and components of a device, with schemas and units. This crate parses
//! models with diagnostics, resolves references between files, and validates values against a model.
//!
//! ```
//! use dtdl::{Models, parse};
//! use serde_json::json;
//!
//! let mut models = Models::new();
//! models.add(parse(r#"{
//!     "@context": "dtmi:dtdl:context;2",
//!     "@id": "dtmi:com:example:Kettle;1",
//!     "@type": "Interface",
//!     "contents": [{
//!         "@type": ["Telemetry", "Temperature"],
//!         "name": "water",
//!         "schema": "double",
//!         "unit": "degreeCelsius"
//!     }]
//! }"#)?);
//! let kettle = models.resolve(&"dtmi:com:example:Kettle;1".parse()?)?;
//!
//! let findings = kettle.validate_telemetry(None, &json!({"water": "hot", "steam": 1}));
//! assert_eq!(findings.violations[0].to_string(), r#"/water: expected a number, found "hot""#);
//! assert_eq!(findings.unmodeled, ["/steam"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is understood
//!
//! DTDL v2 as models repositories have it: interfaces, alone or in arrays or within each other, with telemetry,
//! properties, commands, components, relationships (which are kept and checked, and mean nothing to a device), schemas,
//! semantic types and units, `extends`. Of DTDL v3 its context, its limits and arrays in properties. Contexts of extensions
//! are allowed, and what they bring is kept by name; IoT Central's `geopoint` and `vector` are known.
//!
//! Of JSON-LD what it takes for that: one value for an array of one, `{"@value": …}`, language maps, full names of the
//! language's terms, references by identifier.
//!
//! Microsoft's own parsers are for .NET and JavaScript; on crates.io, a module of `oxirs-physics` reads DTDL v3 as a step to
//! RDF.

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod describe;
mod dialect;
mod dtmi;
mod interface;
mod location;
mod models;
mod name;
mod parse;
mod schema;
mod size;
mod text;
pub mod unit;
mod validate;

pub use dialect::Dialect;
pub use dtmi::{Dtmi, InvalidDtmi};
pub use interface::{Command, Component, Content, Interface, Property, Relationship};
pub use models::{Listing, Model, ModelError, Models, Refresh};
pub use parse::{Diagnostic, ParseError, parse, parse_value};
pub use schema::{Datum, EnumValue, Geometry, Literal, MapKey, Schema};
pub use text::{EntityInfo, Text};
pub use unit::Unit;
pub use validate::{Findings, Violation};
