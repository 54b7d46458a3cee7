//! The selection of events in a request.

use axum::http::HeaderMap;
use jiff::Timestamp;

use crate::{
    api::{
        Error,
        parameters::QueryParameters,
        resume::{Resume, number},
    },
    events::{Event, EventKind},
    store::EventFilter,
};

/// The parameters that select events.
#[derive(Debug)]
pub(super) struct EventQuery {
    pub(super) filter: EventFilter,
    /// The sequence number after which to begin.
    pub(super) since: Option<u64>,
    /// The number of stored events to begin with, the newest.
    pub(super) last: Option<u64>,
    /// True to wait for new events.
    pub(super) follow: bool,
}

impl EventQuery {
    /// Parses parameters and headers.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the parameter.
    pub(super) fn parse(parameters: &QueryParameters, headers: &HeaderMap) -> Result<Self, Error> {
        let one = |name: &str| parameters.get(name);
        let Resume { since, follow } = Resume::parse(headers, one)?;
        let kinds: Vec<_> = parameters.all("kind").collect();
        kinds.iter().try_for_each(|kind| check_kind(kind))?;
        let filter = EventFilter {
            devices: parameters.all("device").collect(),
            kinds,
            from: time("from", one("from"))?,
            to: time("to", one("to"))?,
        };
        Ok(Self {
            since,
            last: number("last", one("last"))?,
            // New events are later than a `to` in the past.
            follow: follow && filter.to.is_none_or(|to| to > Timestamp::now()),
            filter,
        })
    }
}

impl EventQuery {
    /// Returns true if no event after this one can be selected.
    pub(super) fn is_over(&self, event: &Event) -> bool {
        self.filter.to.is_some_and(|to| event.enqueued >= to)
    }
}

fn time(name: &str, text: Option<String>) -> Result<Option<Timestamp>, Error> {
    let time = text.map(|text| text.parse()).transpose();
    time.map_err(|_| {
        Error::invalid(format!(
            "{name} must be a time such as 2026-01-31T08:00:00Z"
        ))
    })
}

fn check_kind(kind: &str) -> Result<(), Error> {
    match EventKind::NAMES.contains(&kind) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "kind must be one of {}",
            EventKind::NAMES.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<EventQuery, Error> {
        EventQuery::parse(&QueryParameters::new(query), &HeaderMap::new())
    }

    #[test]
    fn devices_and_kinds_may_be_several() {
        let query = "device=a%2Bb&device=d+e&kind=tags&device=c&kind=telemetry&follow=false";
        let selection = parsed(query).unwrap();
        assert_eq!(selection.filter.devices, ["a+b", "d+e", "c"]);
        assert_eq!(selection.filter.kinds, ["tags", "telemetry"]);
        assert!(!selection.follow);
    }

    #[test]
    fn a_time_zone_need_not_be_encoded() {
        let encoded = parsed("from=2026-01-31T08%3A00%3A00%2B01%3A00").unwrap();
        let plain = parsed("from=2026-01-31T08:00:00+01:00").unwrap();
        assert_eq!(plain.filter.from, encoded.filter.from);
        assert_eq!(plain.filter.from, "2026-01-31T07:00:00Z".parse().ok());
    }

    #[test]
    fn what_is_past_is_not_followed() {
        assert!(!parsed("to=2026-01-01T00:00:00Z").unwrap().follow);
        assert!(parsed("to=2999-01-01T00:00:00Z").unwrap().follow);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (query, named) in [
            ("since=x", "since"),
            ("last=-1", "last"),
            ("from=yesterday", "from"),
            ("to=1", "to"),
            ("kind=telemetry&kind=odd", "kind"),
            ("follow=no", "follow"),
        ] {
            let error = parsed(query).unwrap_err().to_string();
            assert!(error.starts_with(named), "{query}: {error}");
        }
    }
}
