//! Which events a request asks for.

use axum::http::HeaderMap;
use jiff::Timestamp;

use crate::api::Error;
use crate::api::parameters::Parameters;
use crate::api::resume::{Resume, number};
use crate::hub::{Event, EventKind};
use crate::store::Filter;

/// What the client wants to see.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) filter: Filter,
    /// Only what came after the event of this number.
    pub(super) since: Option<u64>,
    /// Of what is kept only the last so many.
    pub(super) last: Option<u64>,
    /// Also what is still to come.
    pub(super) follow: bool,
}

impl Selection {
    /// # Errors
    /// `ArgumentInvalid`, which names what cannot be.
    pub(super) fn parse(parameters: &Parameters, headers: &HeaderMap) -> Result<Self, Error> {
        let one = |name: &str| parameters.get(name);
        let Resume { since, follow } = Resume::parse(headers, one)?;
        let kinds: Vec<_> = parameters.all("kind").collect();
        kinds.iter().try_for_each(|kind| check_kind(kind))?;
        let filter = Filter {
            devices: parameters.all("device").collect(),
            kinds,
            from: time("from", one("from"))?,
            to: time("to", one("to"))?,
        };
        Ok(Self {
            since,
            last: number("last", one("last"))?,
            // What is still to come is later.
            follow: follow && filter.to.is_none_or(|to| to > Timestamp::now()),
            filter,
        })
    }
}

impl Selection {
    /// Whether nothing of what comes after this event can be wanted.
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

    fn parsed(query: &str) -> Result<Selection, Error> {
        Selection::parse(&Parameters::of(query), &HeaderMap::new())
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
