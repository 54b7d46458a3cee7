//! The end of a probation: what the candidate had taken from the cloud and queued for it is settled, or undone.

use super::{
    DeviceStore,
    dead_letter::{CloudMessage, Undelivered},
    kept_messages::KeptMessage,
};
use crate::versions::ProbationMarks;

/// The end of a probation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbationEnd {
    /// The candidate is accepted: what it has done stands.
    Accepted,
    /// The candidate is rolled back. Messages and reports it had queued and that are not in flight go with it, and so do
    /// dead letters of them. Cloud-to-device messages it has handled, or failed on, are to be handled again.
    RolledBack,
}

/// The number of items that a rollback would take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandidateItems {
    /// Queued messages and reports of the candidate, with dead letters of them.
    pub dropped: u64,
    /// Cloud-to-device messages that the candidate has handled, or failed on.
    pub redelivered: u64,
}

impl DeviceStore {
    /// Counts the items that a rollback would take back.
    #[must_use]
    pub fn candidate_items(&self) -> CandidateItems {
        let Some(marks) = self.marks() else {
            return CandidateItems {
                dropped: 0,
                redelivered: 0,
            };
        };
        let (outgoing, messages) = self.candidate_dead_letters(marks);
        let queued = self.outbox.candidate_unsent(marks).len();
        CandidateItems {
            dropped: (queued + outgoing.len()) as u64,
            redelivered: (self.messages.handled().len() + messages.len()) as u64,
        }
    }

    /// Returns the kept messages that the running version has to handle, by id.
    pub fn unhandled_messages(&self) -> impl Iterator<Item = (u64, CloudMessage)> + '_ {
        let on_probation = self.state.versions.is_on_probation();
        let entries = self.messages.entries();
        let unhandled = entries.filter(move |(_, entry)| !(on_probation && entry.handled));
        unhandled.map(|(id, entry)| (id, entry.message.clone()))
    }

    /// Returns the marks of a probation that begins with the next batch.
    #[must_use]
    pub fn probation_marks(&self) -> ProbationMarks {
        ProbationMarks {
            first_outgoing: self.outbox.next_id(),
            last_dead_letter: self.dead_letters.counts().total,
            retried: Vec::new(),
        }
    }

    pub(super) fn marks(&self) -> Option<&ProbationMarks> {
        let fallback = self.state.versions.fallback.as_ref();
        fallback.map(|fallback| &fallback.state.marks)
    }

    /// Returns the dead letters of the candidate's items, and those of cloud-to-device messages it has failed on.
    fn candidate_dead_letters(&self, marks: &ProbationMarks) -> (Vec<u64>, Vec<u64>) {
        let since = self.dead_letters.entries();
        let (mut outgoing, mut messages) = (Vec::new(), Vec::new());
        for (id, entry) in since.filter(|(id, _)| *id > marks.last_dead_letter) {
            match entry.item {
                Undelivered::Message(_) => messages.push(id),
                _ if entry.outgoing.is_some_and(|it| marks.is_candidates(it)) => outgoing.push(id),
                _ => {}
            }
        }
        (outgoing, messages)
    }

    /// Settles or undoes what the candidate has done. The versions are still those of the probation.
    pub(super) fn end_probation(&mut self, end: ProbationEnd) {
        let handled = self.messages.handled();
        if end == ProbationEnd::Accepted {
            for id in handled {
                self.messages.take(id);
            }
            return;
        }
        for id in handled {
            self.messages.set_handled(id, false);
        }
        let Some(marks) = self.marks().cloned() else {
            return;
        };
        self.outbox.drop_candidate_unsent(&marks);
        let (outgoing, messages) = self.candidate_dead_letters(&marks);
        for id in outgoing {
            self.dead_letters.take(id);
        }
        for id in messages {
            if let Some(Undelivered::Message(message)) =
                self.dead_letters.take(id).map(|entry| entry.item)
            {
                self.messages.add(KeptMessage {
                    handled: false,
                    message,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use serde_json::json;

    use super::*;
    use crate::{
        clock::VirtualClock,
        hub::{
            message::TelemetryMessage,
            session::{Next, SendQueue},
        },
        store::{
            MemoryBackend, PersistedState, Retention,
            batch::{Batch, DeadLetterChange},
            outbox::Outgoing,
        },
        versions::{FallbackState, VersionInfo},
    };

    struct Site {
        store: DeviceStore,
        clock: Arc<VirtualClock>,
    }

    /// A device that keeps at most 100 messages.
    fn site() -> Site {
        let clock = VirtualClock::new(jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(3600));
        let retention = Retention {
            count: 100,
            ..Retention::default()
        };
        let backend = Box::new(MemoryBackend::default());
        let store = DeviceStore::new(backend, PersistedState::default(), retention, &clock);
        let mut site = Site { store, clock };
        site.store
            .state
            .versions
            .set_first(version("a"), jiff::Timestamp::UNIX_EPOCH);
        site
    }

    fn version(sha256: &str) -> VersionInfo {
        VersionInfo {
            name: "scripted".into(),
            version: "1".into(),
            model_id: "dtmi:example:Scripted;1".into(),
            sha256: sha256.into(),
        }
    }

    fn telemetry(id: &str) -> Outgoing {
        Outgoing::Telemetry(TelemetryMessage {
            id: id.to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            component: None,
            content_type: String::new(),
            content_encoding: String::new(),
            properties: vec![],
            body: "{}".into(),
        })
    }

    impl Site {
        fn commit(&mut self, batch: Batch) {
            self.store.commit(batch, &self.clock);
        }

        fn queue(&mut self, outgoing: Vec<Outgoing>) {
            self.commit(Batch {
                outgoing,
                ..Batch::default()
            });
        }

        fn dead_letter(&mut self, change: DeadLetterChange) {
            self.commit(Batch {
                dead_letters: vec![change],
                ..Batch::default()
            });
        }

        fn start_probation(&mut self) {
            let mut versions = self.store.state.versions.clone();
            let before = FallbackState {
                marks: self.store.probation_marks(),
                ..FallbackState::default()
            };
            versions.start_probation(version("b"), &[], jiff::Timestamp::UNIX_EPOCH, before);
            self.commit(Batch {
                versions: Some(versions),
                ..Batch::default()
            });
        }

        fn roll_back(&mut self) {
            let mut versions = self.store.state.versions.clone();
            versions.roll_back_to_fallback("it trapped");
            self.commit(Batch {
                versions: Some(versions),
                probation_end: Some(ProbationEnd::RolledBack),
                ..Batch::default()
            });
        }

        /// Takes out all that is to be sent, in order.
        fn sent(&mut self) -> Vec<String> {
            let now = Duration::ZERO;
            let outbox = self.store.outbox();
            outbox.connection_started();
            let mut sent = Vec::new();
            loop {
                let (id, shown) = match outbox.next(u64::MAX, true, now + Duration::from_secs(99)) {
                    Some(Next::Telemetry(id, message)) => (id, message.id.clone()),
                    Some(Next::Report(id, report)) => (id, json!(report).to_string()),
                    None => return sent,
                };
                outbox.sent(id, now);
                outbox.acknowledge(id);
                outbox.mark_persisted(0);
                outbox.accepted(0);
                sent.push(shown);
            }
        }
    }

    #[test]
    fn a_candidate_evicts_its_own_messages_and_takes_the_rest_with_it() {
        let mut site = site();
        let old: Vec<_> = (0..60).map(|number| format!("old {number}")).collect();
        site.queue(old.iter().map(|id| telemetry(id)).collect());
        site.start_probation();
        for number in 0..500 {
            site.queue(vec![telemetry(&format!("new {number}"))]);
        }
        assert_eq!(site.store.outbox.len(), 100);
        assert_eq!(site.store.outbox.evictions().total, 460);
        assert_eq!(site.store.candidate_items().dropped, 40);
        site.roll_back();
        assert_eq!(site.store.candidate_items().dropped, 0);
        assert_eq!(site.sent(), old);
    }

    #[test]
    fn a_candidate_for_which_there_is_no_space_evicts_nothing() {
        let mut site = site();
        let old: Vec<_> = (0..100).map(|number| format!("old {number}")).collect();
        site.queue(old.iter().map(|id| telemetry(id)).collect());
        site.start_probation();
        site.queue(vec![telemetry("new")]);
        assert_eq!(site.sent(), old);
    }

    #[test]
    fn reports_of_a_candidate_are_not_merged_with_earlier_ones() {
        let mut site = site();
        let report =
            |value: u32| Outgoing::Report(json!({ "p": value }).as_object().unwrap().clone());
        site.queue((0..20).map(report).collect());
        site.start_probation();
        site.queue((20..60).map(report).collect());
        site.roll_back();
        assert_eq!(site.sent().last().unwrap(), r#"{"p":19}"#);
    }

    #[test]
    fn dead_letters_of_a_candidate_go_with_it_and_what_an_operator_retried_stays() {
        let mut site = site();
        site.queue(vec![telemetry("old"), telemetry("poison")]);
        let content = |body: &'static str| CloudMessage {
            properties: vec![],
            body: body.into(),
        };
        site.dead_letter(DeadLetterChange::Outgoing(1, "it is poison".to_owned()));
        site.dead_letter(DeadLetterChange::Message(
            content("1"),
            "it failed".to_owned(),
        ));
        site.start_probation();
        site.queue(vec![telemetry("new"), telemetry("new poison")]);
        site.dead_letter(DeadLetterChange::Outgoing(0, "it is poison".to_owned()));
        site.dead_letter(DeadLetterChange::Outgoing(3, "it is poison".to_owned()));
        site.dead_letter(DeadLetterChange::Message(
            content("2"),
            "it failed".to_owned(),
        ));
        site.dead_letter(DeadLetterChange::Requeue(1));

        let items = site.store.candidate_items();
        assert_eq!((items.dropped, items.redelivered), (2, 1));
        site.roll_back();
        assert_eq!(site.sent(), ["poison"]);
        let letters: Vec<_> = site.store.dead_letters().entries().map(|it| it.0).collect();
        assert_eq!(letters, [2, 3], "the old ones");
        let messages: Vec<_> = site.store.unhandled_messages().collect();
        assert_eq!(messages, [(0, content("2"))]);
    }

    #[test]
    fn dead_letters_of_a_candidate_evict_no_older_ones() {
        let mut site = site();
        site.dead_letter(DeadLetterChange::Message(
            CloudMessage {
                properties: vec![],
                body: "old".into(),
            },
            "it failed".to_owned(),
        ));
        site.start_probation();
        for id in 0..300 {
            site.queue(vec![telemetry("new")]);
            site.dead_letter(DeadLetterChange::Outgoing(id, "it is poison".to_owned()));
        }
        let letters = site.store.dead_letters();
        assert!(letters.get(1).is_some(), "the old one");
        assert!(letters.entries().count() <= 100);
        site.roll_back();
        assert_eq!(site.store.dead_letters().entries().count(), 1);
    }

    #[test]
    fn after_a_restart_with_an_empty_outbox_new_messages_are_the_candidates_still() {
        let mut site = site();
        site.queue(vec![telemetry("old"), telemetry("older")]);
        site.sent();
        site.start_probation();
        let kept = PersistedState {
            versions: site.store.state.versions.clone(),
            ..PersistedState::default()
        };
        let backend = Box::new(MemoryBackend::default());
        site.store = DeviceStore::new(backend, kept, Retention::default(), &site.clock);
        site.queue(vec![telemetry("new")]);
        assert_eq!(site.store.candidate_items().dropped, 1);
    }
}
