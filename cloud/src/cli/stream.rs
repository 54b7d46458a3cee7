//! The cloud's events as they come.

use std::io::{self, BufRead, BufReader};
use std::time::Duration;

use serde_json::Value;
use ureq::BodyReader;

use super::client::{Client, Policy};
use super::device::encoded;
use super::failure::Failure;

/// Larger than the largest event: 256 kB of telemetry, escaped.
const LINE_LIMIT: u64 = 8 * 1024 * 1024;

/// Which events.
#[derive(Default)]
pub(crate) struct Selection<'a> {
    /// Of these devices only.
    pub(crate) devices: Vec<&'a str>,
    /// Of these kinds only.
    pub(crate) kinds: Vec<&'a str>,
    /// Of this time or later.
    pub(crate) from: Option<&'a str>,
    /// Before this time.
    pub(crate) to: Option<&'a str>,
    /// After the event of this number.
    pub(crate) since: Option<u64>,
    /// Of those that were, only the last so many.
    pub(crate) last: Option<u64>,
    /// Also those that are still to come.
    pub(crate) follow: bool,
    /// For so long at most.
    pub(crate) limit: Option<Duration>,
}

impl Selection<'_> {
    fn path(&self, format: &str) -> String {
        let mut path = format!("/api/events?format={format}&follow={}", self.follow);
        let (since, last) = (self.since.map(text), self.last.map(text));
        let devices = self.devices.iter().map(|device| ("device", *device));
        let kinds = self.kinds.iter().map(|kind| ("kind", *kind));
        let others = [
            ("from", self.from),
            ("to", self.to),
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

fn text(number: u64) -> String {
    number.to_string()
}

/// Events, one after the other. Ends when the cloud ends the stream, with an error that [`is_over`] after the limit.
pub(crate) struct Events<R> {
    lines: R,
}

/// Begins to follow: what happens after this returned is not missed.
pub(crate) fn open(
    client: &Client,
    selection: &Selection<'_>,
) -> Result<Events<BufReader<BodyReader<'static>>>, Failure> {
    let lines = client.stream(Policy::Service, &selection.path("sse"), selection.limit)?;
    Ok(Events { lines })
}

/// Lines in another format of the cloud's, without their ends.
pub(crate) fn lines(
    client: &Client,
    selection: &Selection<'_>,
    format: &str,
) -> Result<impl Iterator<Item = io::Result<String>>, Failure> {
    let path = selection.path(format);
    let mut lines = client.stream(Policy::Service, &path, selection.limit)?;
    Ok(std::iter::from_fn(move || {
        let line = read_line(&mut lines).transpose()?;
        Some(line.map(|line| line.trim_end_matches(['\r', '\n']).to_owned()))
    }))
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = io::Result<Value>;

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

/// Whether this error says that the limit of a [`Selection`] was reached.
pub(crate) fn is_over(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(ureq::Error::Timeout(_)))
}

fn read_line(lines: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = io::Read::take(lines, LINE_LIMIT).read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}
