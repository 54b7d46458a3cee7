//! What is printed: a line for each check as soon as it has ended, or one JSON object.

use std::{fmt::Write as _, io::Write as _, path::Path};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{
    finding::{Checked, Finding, Verdict},
    sent::Sent,
};
use crate::{
    guest::{FixedLimit, Limit, Limits, Unit},
    text::{counted, cut},
};

/// Bytes of a line: more than any well-meant one has.
const LONGEST: usize = 4000;

/// Takes the findings and prints them.
pub(super) struct Report {
    as_json: bool,
    findings: Vec<(&'static str, Finding)>,
}

impl Report {
    pub(super) fn new(as_json: bool) -> Self {
        Self {
            as_json,
            findings: Vec::new(),
        }
    }

    /// Notes what a check has found.
    pub(super) fn note(&mut self, check: &'static str, mut finding: Finding) {
        finding.message = cut(&finding.message, LONGEST);
        if !self.as_json {
            let (style, word) = (style(finding.verdict), finding.verdict.word());
            let message = &finding.message;
            print(&format!(
                "{style}{word:<7}{style:#}  {check:<11}  {message}\n"
            ));
        }
        self.findings.push((check, finding));
    }

    /// Notes what a check has found that others depend on. Without what they need, it is said why they are left out.
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
                Err(format!("not checked, because of `{check}`"))
            }
        }
    }

    /// Says of those that have found nothing why they were left out.
    pub(super) fn skip_rest(&mut self, checks: &[&'static str], why: &str) {
        for check in checks {
            if !self.findings.iter().any(|(found, _)| found == check) {
                self.note(check, Finding::new(Verdict::Skipped, why));
            }
        }
    }

    /// Prints what there is beside the findings.
    pub(super) fn end(&self, file: &Path, sent: Option<&Sent>, limits: &Limits) {
        if self.as_json {
            print(&format!("{}\n", self.to_json(file, sent, limits)));
            return;
        }
        let mut text = String::new();
        if let Some(sent) = sent {
            text += &in_words(sent);
        }
        text += "\nLimits it runs under, to be changed with --limit NAME=VALUE:\n";
        for limit in Limits::ALL {
            let (name, shown) = (limit.name(), limit.shown(limits));
            let _ = writeln!(text, "  {name:<15}  {shown:<8}  {}", limit.reason());
        }
        text += "\nAnd those that cannot be changed:\n";
        for limit in Limits::FIXED {
            let (name, shown) = (limit.name, limit.shown());
            let _ = writeln!(text, "  {name:<15}  {shown:<8}  {}", limit.reason);
        }
        let _ = writeln!(text, "\n{}", self.summary());
        print(&text);
    }

    fn to_json(&self, file: &Path, sent: Option<&Sent>, limits: &Limits) -> Value {
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
            "sent": sent.map(Sent::to_json),
            "limits": Limits::ALL.iter().map(|limit| of_limit(limit, limits)).collect::<Vec<_>>(),
            "fixedLimits": Limits::FIXED.iter().map(of_fixed_limit).collect::<Vec<_>>(),
        })
    }

    /// The worst there is.
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

    /// The checks that have failed.
    pub(super) fn failed(&self) -> Vec<&'static str> {
        let failed = self.findings.iter();
        let failed = failed.filter(|(_, finding)| finding.verdict == Verdict::Error);
        failed.map(|(check, _)| *check).collect()
    }
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
    }
}

fn in_words(sent: &Sent) -> String {
    let Sent {
        messages,
        reports,
        first,
    } = sent;
    let mut text = format!(
        "\nIt would have sent {} and {}",
        counted(*messages, "message"),
        counted(*reports, "report")
    );
    text += if first.is_empty() {
        ".\n"
    } else {
        ", the first:\n"
    };
    for shown in first {
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

/// Prints a result, in colour if it is for a person who wants it; whoever stops reading has had enough.
fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
