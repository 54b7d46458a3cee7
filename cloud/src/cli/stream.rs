//! The event stream of the cloud.

use std::{
    io::{self, BufRead, BufReader},
    time::Duration,
};

use cloud::json::JsonValue;
use jiff::Timestamp;
use ureq::BodyReader;

use super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::encoded,
};

/// The maximum length of a line: more than the largest event, 256 kB of telemetry with escapes.
const MAX_LINE_LENGTH: u64 = 8 * 1024 * 1024;

/// The selected events.
#[derive(Default)]
pub(crate) struct EventSelection<'a> {
    /// Only of these devices; of all if empty.
    pub(crate) devices: Vec<&'a str>,
    /// Only of these kinds; of all if empty.
    pub(crate) kinds: Vec<&'a str>,
    /// Start of the time range, inclusive.
    pub(crate) from: Option<Timestamp>,
    /// End of the time range, exclusive.
    pub(crate) to: Option<Timestamp>,
    /// Only after this sequence number.
    pub(crate) since: Option<u64>,
    /// Only the last of the existing events.
    pub(crate) last: Option<u64>,
    /// New events too.
    pub(crate) follow: bool,
    /// The time after which the stream ends.
    pub(crate) limit: Option<Duration>,
}

impl EventSelection<'_> {
    fn path(&self, format: &str) -> String {
        let mut path = format!("/api/events?format={format}&follow={}", self.follow);
        let (since, last) = (self.since.map(text), self.last.map(text));
        let (from, to) = (self.from.map(text), self.to.map(text));
        let devices = self.devices.iter().map(|device| ("device", *device));
        let kinds = self.kinds.iter().map(|kind| ("kind", *kind));
        let others = [
            ("from", from.as_deref()),
            ("to", to.as_deref()),
            ("since", since.as_deref()),
            ("last", last.as_deref()),
        ];
        let others = others
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        for (name, value) in devices.chain(kinds).chain(others) {
            path += &format!("&{name}={}", encoded(value));
        }
        path
    }
}

fn text(value: impl ToString) -> String {
    value.to_string()
}

/// An iterator over events. Ends when the cloud ends the stream; after the limit, with an error that [`is_timeout`].
pub(crate) struct EventStream<R> {
    lines: R,
}

/// Opens the stream. Events after the return are not missed.
pub(crate) fn open(
    client: &Client,
    selection: &EventSelection<'_>,
) -> Result<EventStream<BufReader<BodyReader<'static>>>, CommandError> {
    let lines = client.stream(Policy::Service, &selection.path("sse"), selection.limit)?;
    Ok(EventStream { lines })
}

/// Returns the lines of another format, without line ends.
pub(crate) fn lines(
    client: &Client,
    selection: &EventSelection<'_>,
    format: &str,
) -> Result<impl Iterator<Item = io::Result<String>>, CommandError> {
    let path = selection.path(format);
    let mut lines = client.stream(Policy::Service, &path, selection.limit)?;
    Ok(std::iter::from_fn(move || {
        let line = read_line(&mut lines).transpose()?;
        Some(line.map(|line| line.trim_end_matches(['\r', '\n']).to_owned()))
    }))
}

impl<R: BufRead> Iterator for EventStream<R> {
    type Item = io::Result<JsonValue>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match read_line(&mut self.lines) {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            };
            // Every event has its data on one line; its number and type are in the data too.
            if let Some(data) = line.strip_prefix("data:") {
                return Some(serde_json::from_str(data).map_err(io::Error::from));
            }
        }
    }
}

/// Returns true if the limit of an [`EventSelection`] was reached.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(ureq::Error::Timeout(_)))
}

fn read_line(lines: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = io::Read::take(lines, MAX_LINE_LENGTH).read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}
