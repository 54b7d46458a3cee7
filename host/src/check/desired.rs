//! The component survives a desired property it cannot know.

use serde_json::{Map, Value};

use super::{
    dry_run::{DryRun, UNKNOWN},
    finding::{Finding, Verdict},
};
use crate::device::behaviour::{Answer, Event};

pub(super) const NAME: &str = "desired";

pub(super) async fn check(run: &mut DryRun) -> Finding {
    let desired = Event::Desired {
        component: None,
        properties: Map::from_iter([(UNKNOWN.to_owned(), Value::Bool(true))]),
    };
    let answered = match run.call(desired).await {
        Ok(Answer::Acknowledgments(answered)) => answered,
        Ok(_) => return Finding::error(format!("it does not answer the property {UNKNOWN}")),
        Err(failure) => {
            return failure.finding(&format!("at the property {UNKNOWN}"), Verdict::Warning);
        }
    };
    let answer = answered.iter().find(|answer| answer.property == UNKNOWN);
    match answer {
        Some(answer) => Finding::ok(format!(
            "acknowledges one it does not know with {}",
            answer.status
        ))
        .with("status", answer.status),
        None => Finding::ok("leaves one it does not know unanswered"),
    }
}
