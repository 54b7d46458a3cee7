//! The JSON documents of the commands.

use serde_json::Value;

use crate::text::safe_json;

/// The version of the documents: docs/cli.md lists them. It counts up when a member is renamed or removed, or changes its
/// meaning; new members keep it.
const SCHEMA_VERSION: u32 = 1;

/// Formats a document as one line, with its version. Control characters are escaped.
pub(crate) fn document(mut document: Value) -> String {
    if let Some(members) = document.as_object_mut() {
        members.insert("schemaVersion".to_owned(), SCHEMA_VERSION.into());
    }
    format!("{}\n", safe_json(&document.to_string()))
}
