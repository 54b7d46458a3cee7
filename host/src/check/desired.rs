//! Checks that the component handles an unknown desired property.

use serde_json::{Map, Value};

use super::{
    dry_run::{DryRun, UNKNOWN},
    finding::{Finding, Verdict},
};
use crate::contract::behaviour::{Answer, Event};

pub(super) const NAME: &str = "desired";

pub(super) async fn check(run: &mut DryRun) -> Finding {
    let desired = Event::Desired {
        component: None,
        properties: Map::from_iter([(UNKNOWN.to_owned(), Value::Bool(true))]),
    };
    let answered = match run.call(desired).await {
        Ok(Answer::Acknowledgments(answered)) => answered,
        Ok(_) => return Finding::error(format!("no answer to the property {UNKNOWN}")),
        Err(failure) => {
            return failure.finding(&format!("for the property {UNKNOWN}"), Verdict::Warning);
        }
    };
    let answer = answered.iter().find(|answer| answer.property == UNKNOWN);
    match answer {
        Some(answer) => Finding::ok(format!(
            "acknowledges an unknown property with {}",
            answer.status
        ))
        .with("status", answer.status),
        None => Finding::ok("does not acknowledge an unknown property"),
    }
}
