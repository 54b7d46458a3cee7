//! What a device subscribed to, and whether the hub keeps it between connections.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::topic;
use crate::mqtt::Qos;

/// A device may hold this many subscriptions.
const LIMIT: usize = 5;

/// The MQTT session of one device.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Session {
    filters: BTreeMap<String, Qos>,
    kept: bool,
}

impl Session {
    /// A connection begins. Returns whether an earlier session goes on.
    pub(super) fn open(&mut self, clean: bool) -> bool {
        let present = self.kept && !clean;
        if !present {
            self.filters.clear();
        }
        self.kept = !clean;
        present
    }

    /// The connection ended.
    pub(super) fn close(&mut self) {
        if !self.kept {
            self.filters.clear();
        }
    }

    /// Whether the next connection may go on with it.
    pub(super) fn is_kept(&self) -> bool {
        self.kept
    }

    /// The next connection finds nothing.
    pub(super) fn forget(&mut self) {
        self.kept = false;
    }

    /// Subscribes. Returns what is granted: at most QoS 1, and nothing for what the hub does not offer or for one
    /// subscription too many.
    pub(super) fn subscribe(&mut self, device_id: &str, filter: &str, asked: Qos) -> Option<Qos> {
        let known = topic::is_known_filter(device_id, filter);
        let room = self.filters.contains_key(filter) || self.filters.len() < LIMIT;
        if !known || !room {
            return None;
        }
        let granted = asked.min(Qos::AtLeastOnce);
        self.filters.insert(filter.to_owned(), granted);
        Some(granted)
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        self.filters.remove(filter);
    }

    /// The best QoS at which a subscription takes `topic`.
    pub(super) fn qos(&self, topic: &str) -> Option<Qos> {
        let matching = self.filters.iter();
        matching
            .filter(|(filter, _)| topic::matches(filter, topic))
            .map(|(_, qos)| *qos)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHODS: &str = "$iothub/methods/POST/#";

    fn subscribed() -> Session {
        let mut session = Session::default();
        session.open(false);
        session.subscribe("a", METHODS, Qos::AtLeastOnce);
        session
    }

    #[test]
    fn a_session_that_is_not_clean_survives_its_connection() {
        let mut session = subscribed();
        session.close();
        assert!(session.open(false));
        assert!(session.qos("$iothub/methods/POST/x/?$rid=1").is_some());
    }

    #[test]
    fn a_clean_or_forgotten_session_starts_with_nothing() {
        let mut session = subscribed();
        assert!(!session.open(true));
        assert!(session.qos("$iothub/methods/POST/x/?$rid=1").is_none());

        let mut session = subscribed();
        session.forget();
        assert!(session.qos("$iothub/methods/POST/x/?$rid=1").is_some());
        session.close();
        assert!(!session.open(false));
        assert!(session.qos("$iothub/methods/POST/x/?$rid=1").is_none());
    }

    #[test]
    fn the_sixth_subscription_is_refused_and_a_repeated_one_is_not() {
        let mut session = subscribed();
        for name in ["b", "c", "d", "e"] {
            let filter = format!("$iothub/methods/POST/{name}/#");
            assert!(session.subscribe("a", &filter, Qos::AtMostOnce).is_some());
        }
        assert!(
            session
                .subscribe("a", "$iothub/twin/res/#", Qos::AtMostOnce)
                .is_none()
        );
        assert!(session.subscribe("a", METHODS, Qos::AtMostOnce).is_some());
        session.unsubscribe(METHODS);
        assert!(
            session
                .subscribe("a", "$iothub/twin/res/#", Qos::AtMostOnce)
                .is_some()
        );
    }

    #[test]
    fn qos_2_is_granted_as_1_and_foreign_filters_not_at_all() {
        let mut session = Session::default();
        let granted = session.subscribe("a", METHODS, Qos::ExactlyOnce);
        assert_eq!(granted, Some(Qos::AtLeastOnce));
        for foreign in [
            "#",
            "$iothub/#",
            "devices/b/messages/devicebound/#",
            "foo/bar",
        ] {
            assert_eq!(
                session.subscribe("a", foreign, Qos::AtMostOnce),
                None,
                "{foreign}"
            );
        }
    }
}
