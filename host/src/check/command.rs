//! Checks that the component answers an unknown command with 404, as the contract requires.

use super::{
    dry_run::{DryRun, UNKNOWN},
    finding::{Finding, Verdict},
};
use crate::contract::behaviour::{Answer, Event};

pub(super) const NAME: &str = "command";

pub(super) async fn check(run: &mut DryRun) -> Finding {
    let command = Event::Command {
        component: None,
        name: UNKNOWN.to_owned(),
        payload: None,
    };
    match run.call(command).await {
        Ok(Answer::Reply(reply)) => of_status(reply.status).with("status", reply.status),
        Ok(_) => Finding::error(format!("no reply to the command {UNKNOWN}")),
        Err(failure) => failure.finding(&format!("for the command {UNKNOWN}"), Verdict::Warning),
    }
}

fn of_status(status: u32) -> Finding {
    match status {
        404 => Finding::ok("answers an unknown command with 404"),
        status => Finding::warning(format!(
            "answers the unknown command {UNKNOWN} with {status}; operators expect 404"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_404_is_right_for_what_is_not_known() {
        assert_eq!(of_status(404).verdict, Verdict::Ok);
        assert_eq!(of_status(200).verdict, Verdict::Warning);
        assert_eq!(of_status(400).verdict, Verdict::Warning);
    }
}
