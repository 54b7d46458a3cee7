//! Checks that the record names its schema, so that a later version can read it.

use serde_json::Value;

use super::{dry_run::DryRun, finding::Finding};
use crate::{guest::Limits, units::format_bytes};

pub(super) const NAME: &str = "save";

pub(super) fn check(run: &DryRun, limits: &Limits) -> Finding {
    of_record(run.record(), limits.record)
}

/// Checks the schema; JSON and size were checked when the record was saved.
fn of_record(record: &str, most: usize) -> Finding {
    let bytes = record.len() as u64;
    let size = format!("{} of {}", format_bytes(bytes), format_bytes(most as u64));
    let schema = match serde_json::from_str(record) {
        Ok(Value::Object(mut members)) => members.remove("schema"),
        _ => None,
    };
    match schema {
        Some(schema) => Finding::ok(format!("{size}, schema {schema}")).with("schema", schema),
        None => Finding::warning(format!(
            "{size}, no member `schema`: a later version cannot tell the format"
        )),
    }
    .with("bytes", bytes)
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Verdict, *};

    #[test]
    fn a_record_has_a_schema() {
        let good = of_record(r#"{"schema":2,"count":7}"#, 65536);
        assert_eq!(good.verdict, Verdict::Ok);
        assert_eq!(good.message, "22 bytes of 64 KiB, schema 2");
        for record in [r#"{"count":7}"#, "7", "[]"] {
            assert_eq!(of_record(record, 65536).verdict, Verdict::Warning);
        }
    }
}
