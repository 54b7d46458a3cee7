//! MQTT sessions: the subscriptions of a device.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::topic;
use crate::mqtt::Qos;

/// The largest number of subscriptions per device.
const MAX_SUBSCRIPTIONS: usize = 5;

/// The MQTT session of one device.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct MqttSession {
    filters: BTreeMap<String, Qos>,
    /// False for a clean session.
    #[serde(alias = "kept")]
    persistent: bool,
}

impl MqttSession {
    /// Opens the session for a connection. Returns true if the previous session continues.
    pub(super) fn open(&mut self, clean: bool) -> bool {
        let present = self.persistent && !clean;
        if !present {
            self.filters.clear();
        }
        self.persistent = !clean;
        present
    }

    /// Ends the session with its connection, if it is clean.
    pub(super) fn close(&mut self) {
        if !self.persistent {
            self.filters.clear();
        }
    }

    /// Returns true if the next connection may continue the session.
    pub(super) fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Makes the session end with the connection.
    pub(super) fn forget(&mut self) {
        self.persistent = false;
    }

    /// Subscribes. Returns the granted QoS, at most 1; `None` for an unknown filter, or for more than
    /// [`MAX_SUBSCRIPTIONS`].
    pub(super) fn subscribe(
        &mut self,
        device_id: &str,
        filter: &str,
        requested: Qos,
    ) -> Option<Qos> {
        let known = topic::is_known_filter(device_id, filter);
        let has_room = self.filters.contains_key(filter) || self.filters.len() < MAX_SUBSCRIPTIONS;
        if !known || !has_room {
            return None;
        }
        let granted = requested.min(Qos::AtLeastOnce);
        self.filters.insert(filter.to_owned(), granted);
        Some(granted)
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        self.filters.remove(filter);
    }

    /// Returns the highest QoS of the subscriptions that match `topic`.
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

    fn subscribed() -> MqttSession {
        let mut session = MqttSession::default();
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
        let mut session = MqttSession::default();
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
