//! Checks that a new instance starts from the record, as another version would after a swap.

use serde_json::Value;

use super::{dry_run::DryRun, finding::Finding};

pub(super) const NAME: &str = "restore";

pub(super) async fn check(run: &DryRun) -> Finding {
    match run.restored().await {
        Ok(record) => of_records(run.record(), &record),
        Err(failure) => Finding::error(format!(
            "no instance starts from the record: {}",
            failure.reason()
        )),
    }
}

fn of_records(saved: &str, again: &str) -> Finding {
    let parsed = |record| serde_json::from_str(record).unwrap_or(Value::Null);
    let (saved, again): (Value, Value) = (parsed(saved), parsed(again));
    if saved == again {
        return Finding::ok("starts from the record and saves the same").with("same", true);
    }
    let members = match differing(&saved, &again) {
        members if members.is_empty() => String::new(),
        members => format!(", in {}", members.join(", ")),
    };
    let message = format!("starts from the record, but saves a different one at once{members}");
    Finding::warning(message).with("same", false)
}

/// Members that are not the same in both.
fn differing<'a>(one: &'a Value, other: &'a Value) -> Vec<&'a str> {
    let (Value::Object(one), Value::Object(other)) = (one, other) else {
        return Vec::new();
    };
    let changed = one
        .iter()
        .filter(|(name, value)| other.get(*name) != Some(value));
    let new = other.iter().filter(|(name, _)| !one.contains_key(*name));
    changed.chain(new).map(|(name, _)| name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Verdict, *};

    #[test]
    fn the_same_record_may_be_written_in_another_way() {
        let finding = of_records(r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#);
        assert_eq!(finding.verdict, Verdict::Ok);
    }

    #[test]
    fn another_record_is_told_by_what_differs() {
        let finding = of_records(r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,"b":3,"d":4}"#);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert!(finding.message.ends_with(", in b, c, d"), "{finding:?}");
    }
}
