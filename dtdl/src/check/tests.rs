//! Schemas and values.
