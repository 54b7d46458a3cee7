//! The items a dry run would have sent.

use serde_json::{Value, json};

use crate::{hub::message::TelemetryMessage, store::outbox::Outgoing, text::truncate};

/// The number of items shown.
const MAX_SAMPLES: usize = 5;
/// The length shown of each, in bytes.
const MAX_SAMPLE_LENGTH: usize = 1000;

/// The number of items, and the first of them.
#[derive(Debug, Default)]
pub(super) struct SentSummary {
    pub(super) messages: usize,
    pub(super) reports: usize,
    pub(super) samples: Vec<Shown>,
}

/// A message or report as shown: on one line, truncated.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) kind: &'static str,
    pub(super) component: Option<String>,
    pub(super) content: String,
}

impl SentSummary {
    /// Adds the items of a call.
    pub(super) fn add(&mut self, outgoing: &[Outgoing]) {
        for outgoing in outgoing {
            match outgoing {
                Outgoing::Telemetry(_) => self.messages += 1,
                Outgoing::Report(_) => self.reports += 1,
            }
            if self.samples.len() < MAX_SAMPLES {
                self.samples.push(Shown::of(outgoing));
            }
        }
    }

    /// Returns the summary as JSON.
    pub(super) fn to_json(&self) -> Value {
        let first = self.samples.iter().map(|shown| {
            json!({"kind": shown.kind, "component": shown.component, "content": shown.content})
        });
        json!({"messages": self.messages, "reports": self.reports, "first": first.collect::<Vec<_>>()})
    }
}

impl Shown {
    fn of(outgoing: &Outgoing) -> Self {
        match outgoing {
            Outgoing::Telemetry(TelemetryMessage {
                component, body, ..
            }) => Self {
                kind: "telemetry",
                component: component
                    .as_deref()
                    .map(|name| truncate(name, MAX_SAMPLE_LENGTH)),
                content: truncate(&String::from_utf8_lossy(body), MAX_SAMPLE_LENGTH),
            },
            Outgoing::Report(properties) => Self {
                kind: "report",
                component: None,
                content: truncate(&json!(properties).to_string(), MAX_SAMPLE_LENGTH),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    #[test]
    fn all_are_counted_and_only_the_first_are_kept() {
        let report =
            |text: &str| Outgoing::Report(Map::from_iter([("p".to_owned(), Value::from(text))]));
        let mut sent = SentSummary::default();
        sent.add(&[report("\u{1b}[2J"), report(&"x".repeat(100_000))]);
        sent.add(&vec![report("more"); 100]);
        assert_eq!((sent.messages, sent.reports), (0, 102));
        assert_eq!(sent.samples.len(), MAX_SAMPLES);
        assert_eq!(sent.samples[0].content, r#"{"p":"\u001b[2J"}"#);
        assert!(sent.samples[1].content.len() < MAX_SAMPLE_LENGTH + 10);
    }
}
