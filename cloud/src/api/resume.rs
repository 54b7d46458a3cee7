//! Parameters of streams that a client can resume.

use std::time::Duration;

use axum::http::HeaderMap;

use super::Error;

/// The interval of keep-alive comments in server-sent events.
pub(super) const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The part of a stream that a client asks for.
#[derive(Debug)]
pub(super) struct Resume {
    /// The sequence number after which to begin: `Last-Event-ID`, else `since`.
    pub(super) since: Option<u64>,
    /// True to wait for new items, the default; false for `follow=false`.
    pub(super) follow: bool,
}

impl Resume {
    /// Parses header and parameters.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the parameter.
    pub(super) fn parse(
        headers: &HeaderMap,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let since = resumed.map(str::to_owned).or_else(|| parameter("since"));
        let follow = match parameter("follow").as_deref() {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(Error::invalid("follow must be true or false")),
        };
        Ok(Self {
            since: number("since", since)?,
            follow,
        })
    }
}

/// Parses the parameter `name` as a number.
///
/// # Errors
/// `ArgumentInvalid`.
pub(super) fn number(name: &str, text: Option<String>) -> Result<Option<u64>, Error> {
    let number = text.map(|text| text.parse()).transpose();
    number.map_err(|_| Error::invalid(format!("{name} must be a number")))
}
