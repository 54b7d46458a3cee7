//! What a dry run would have sent.

use serde_json::{Value, json};

use crate::{hub::message::Message, store::outbox::Outgoing, text::cut};

/// How many are shown.
const FIRST: usize = 5;
/// Bytes shown of each.
const LONGEST: usize = 1000;

/// How much was to be sent, and the first of it.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) messages: usize,
    pub(super) reports: usize,
    pub(super) first: Vec<Shown>,
}

/// A message or report as it is shown: on one line, and not all of it if it is long.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) kind: &'static str,
    pub(super) component: Option<String>,
    pub(super) content: String,
}

impl Sent {
    /// Adds what a call has staged.
    pub(super) fn add(&mut self, outgoing: &[Outgoing]) {
        for outgoing in outgoing {
            match outgoing {
                Outgoing::Telemetry(_) => self.messages += 1,
                Outgoing::Report(_) => self.reports += 1,
            }
            if self.first.len() < FIRST {
                self.first.push(Shown::of(outgoing));
            }
        }
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let first = self.first.iter().map(|shown| {
            json!({"kind": shown.kind, "component": shown.component, "content": shown.content})
        });
        json!({"messages": self.messages, "reports": self.reports, "first": first.collect::<Vec<_>>()})
    }
}

impl Shown {
    fn of(outgoing: &Outgoing) -> Self {
        match outgoing {
            Outgoing::Telemetry(Message {
                component, body, ..
            }) => Self {
                kind: "telemetry",
                component: component.as_deref().map(|name| cut(name, LONGEST)),
                content: cut(&String::from_utf8_lossy(body), LONGEST),
            },
            Outgoing::Report(properties) => Self {
                kind: "report",
                component: None,
                content: cut(&json!(properties).to_string(), LONGEST),
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
        let mut sent = Sent::default();
        sent.add(&[report("\u{1b}[2J"), report(&"x".repeat(100_000))]);
        sent.add(&vec![report("more"); 100]);
        assert_eq!((sent.messages, sent.reports), (0, 102));
        assert_eq!(sent.first.len(), FIRST);
        assert_eq!(sent.first[0].content, r#"{"p":"\u001b[2J"}"#);
        assert!(sent.first[1].content.len() < LONGEST + 10);
    }
}
