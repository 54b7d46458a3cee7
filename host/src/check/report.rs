//! The output: a line for each check as soon as it has ended, or one JSON object.

use std::{fmt::Write as _, io::Write as _, path::Path};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{
    finding::{Checked, Finding, Verdict},
    sent::SentSummary,
};
use crate::{
    document::document,
    guest::{FixedLimit, Limit, Limits, Unit},
    text::{counted, truncate},
};

/// The length limit of a line, in bytes.
const MAX_LINE_LENGTH: usize = 4000;

/// Collects the findings and prints them.
pub(super) struct CheckReport {
    as_json: bool,
    findings: Vec<(&'static str, Finding)>,
}

impl CheckReport {
    pub(super) fn new(as_json: bool) -> Self {
        Self {
            as_json,
            findings: Vec::new(),
        }
    }

    /// Notes the finding of a check.
    pub(super) fn note(&mut self, check: &'static str, mut finding: Finding) {
        finding.message = truncate(&finding.message, MAX_LINE_LENGTH);
        if !self.as_json {
            let (style, word) = (style(finding.verdict), finding.verdict.word());
            let message = &finding.message;
            print(&format!(
                "{style}{word:<7}{style:#}  {check:<11}  {message}\n"
            ));
        }
        self.findings.push((check, finding));
    }

    /// Notes the finding of a check that others depend on. An error is the reason why they are skipped.
    pub(super) fn take<T>(
        &mut self,
        check: &'static str,
        checked: Checked<T>,
    ) -> Result<T, String> {
        match checked {
            Ok((finding, needed)) => {
                self.note(check, finding);
                Ok(needed)
            }
            Err(finding) => {
                self.note(check, finding);
                Err(format!("`{check}` failed"))
            }
        }
    }

    /// Notes the checks without a finding as skipped.
    pub(super) fn skip_rest(&mut self, checks: &[&'static str], why: &str) {
        for check in checks {
            if !self.findings.iter().any(|(found, _)| found == check) {
                self.note(check, Finding::new(Verdict::Skipped, why));
            }
        }
    }

    /// Prints the summary: sent items, limits and counts. In text the limits follow passed checks only, unless `with_limits`.
    pub(super) fn end(
        &self,
        file: &Path,
        sent: Option<&SentSummary>,
        limits: &Limits,
        with_limits: bool,
    ) {
        if self.as_json {
            print(&document(self.to_json(file, sent, limits)));
            return;
        }
        let mut text = String::new();
        if let Some(sent) = sent {
            text += &describe_sent(sent);
        }
        if with_limits || self.failed().is_empty() {
            text += &describe_limits(limits);
        }
        let _ = writeln!(text, "\n{}", self.summary());
        print(&text);
    }

    fn to_json(&self, file: &Path, sent: Option<&SentSummary>, limits: &Limits) -> Value {
        let checks = self.findings.iter().map(|(check, finding)| {
            let mut finding = json!(finding);
            if let Value::Object(members) = &mut finding {
                members.insert("check".to_owned(), Value::from(*check));
            }
            finding
        });
        json!({
            "file": file.display().to_string(),
            "verdict": self.verdict(),
            "checks": checks.collect::<Vec<_>>(),
            "sent": sent.map(SentSummary::to_json),
            "limits": Limits::ALL.iter().map(|limit| of_limit(limit, limits)).collect::<Vec<_>>(),
            "fixedLimits": Limits::FIXED.iter().map(of_fixed_limit).collect::<Vec<_>>(),
        })
    }

    /// Returns the worst verdict.
    fn verdict(&self) -> Verdict {
        let worst = [Verdict::Error, Verdict::Warning];
        let found = worst.into_iter().find(|verdict| self.count(*verdict) > 0);
        found.unwrap_or(Verdict::Ok)
    }

    fn count(&self, verdict: Verdict) -> usize {
        let of = |(_, finding): &&(_, Finding)| finding.verdict == verdict;
        self.findings.iter().filter(of).count()
    }

    fn summary(&self) -> String {
        let counts = [
            Verdict::Ok,
            Verdict::Warning,
            Verdict::Error,
            Verdict::Skipped,
        ]
        .map(|verdict| (self.count(verdict), verdict.word()));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        counts.join(", ")
    }

    /// Returns the failed checks.
    pub(super) fn failed(&self) -> Vec<&'static str> {
        let failed = self.findings.iter();
        let failed = failed.filter(|(_, finding)| finding.verdict == Verdict::Error);
        failed.map(|(check, _)| *check).collect()
    }
}

fn describe_limits(limits: &Limits) -> String {
    let mut text = "\nLimits, changed with --limit NAME=VALUE:\n".to_owned();
    for limit in Limits::ALL {
        let (name, shown) = (limit.name(), limit.shown(limits));
        let _ = writeln!(text, "  {name:<15}  {shown:<8}  {}", limit.reason());
    }
    text += "\nFixed limits:\n";
    for limit in Limits::FIXED {
        let (name, shown) = (limit.name, limit.shown());
        let _ = writeln!(text, "  {name:<15}  {shown:<8}  {}", limit.reason);
    }
    text
}

fn of_limit(limit: &Limit, limits: &Limits) -> Value {
    let (unit, number) = (name(limit.unit()), limit.number(limits));
    json!({"name": limit.name(), "value": number, "unit": unit, "reason": limit.reason()})
}

fn of_fixed_limit(limit: &FixedLimit) -> Value {
    let unit = name(limit.unit);
    json!({"name": limit.name, "value": limit.number, "unit": unit, "reason": limit.reason})
}

fn name(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "bytes",
        Unit::Time => "milliseconds",
        Unit::Count => "count",
        Unit::Rate => "count per second",
        Unit::ByteRate => "bytes per second",
    }
}

fn describe_sent(sent: &SentSummary) -> String {
    let SentSummary {
        messages,
        reports,
        samples,
    } = sent;
    let mut text = format!(
        "\nMessages of the dry run: {} and {}",
        counted(*messages, "message"),
        counted(*reports, "report")
    );
    text += if samples.is_empty() {
        ".\n"
    } else {
        ", the first:\n"
    };
    for shown in samples {
        let component = match &shown.component {
            Some(name) => format!("{name}: "),
            None => String::new(),
        };
        let _ = writeln!(text, "  {:<9}  {component}{}", shown.kind, shown.content);
    }
    text
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Ok => AnsiColor::Green.on_default(),
        Verdict::Warning => AnsiColor::Yellow.on_default(),
        Verdict::Error => AnsiColor::Red.on_default().bold(),
        Verdict::Skipped => Style::new().dimmed(),
    }
}

/// Prints a result, in colour on a terminal; a closed pipe is no error.
fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
