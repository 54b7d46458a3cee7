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
    /// Of this device only.
    pub(crate) device: Option<&'a str>,
    /// Of those that were, only the last so many.
    pub(crate) last: Option<u64>,
    /// Also those that are still to come.
    pub(crate) follow: bool,
    /// For so long at most.
    pub(crate) limit: Option<Duration>,
}

impl Selection<'_> {
    fn path(&self) -> String {
        let device = self.device.map(|id| format!("&device={}", encoded(id)));
        let last = self.last.map(|count| format!("&last={count}"));
        format!(
            "/api/events?follow={}{}{}",
            self.follow,
            device.unwrap_or_default(),
            last.unwrap_or_default()
        )
    }
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
    let lines = client.stream(Policy::Service, &selection.path(), selection.limit)?;
    Ok(Events { lines })
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
