//! The record says in which form it is, so that a later version can read it.

use serde_json::Value;

use super::{dry_run::DryRun, finding::Finding};
use crate::{amount::show_bytes, guest::Limits};

pub(super) const NAME: &str = "save";

pub(super) fn check(run: &DryRun, limits: &Limits) -> Finding {
    of_record(run.record(), limits.record)
}

/// That it is JSON and within the limit was checked when it was saved.
fn of_record(record: &str, most: usize) -> Finding {
    let bytes = record.len() as u64;
    let size = format!("{} of {}", show_bytes(bytes), show_bytes(most as u64));
    let schema = match serde_json::from_str(record) {
        Ok(Value::Object(mut members)) => members.remove("schema"),
        _ => None,
    };
    match schema {
        Some(schema) => Finding::ok(format!("{size}, schema {schema}")).with("schema", schema),
        None => Finding::warning(format!(
            "{size}, without a member `schema`: a later version cannot tell which form it reads"
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
