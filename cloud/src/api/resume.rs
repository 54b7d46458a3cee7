//! Streams that a client may take up again where it was.

use std::time::Duration;

use axum::http::HeaderMap;

use super::Error;

/// So that a client, and whatever lies between, sees that the connection lives.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which part of a stream a client wants.
#[derive(Debug)]
pub(super) struct Resume {
    /// Only what came after the thing of this number: `Last-Event-ID`, else `since`.
    pub(super) since: Option<u64>,
    /// Also what is still to come, unless `follow=false`.
    pub(super) follow: bool,
}

impl Resume {
    /// # Errors
    /// `ArgumentInvalid`, which names what cannot be.
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

/// The number a parameter of this name must be.
pub(super) fn number(name: &str, text: Option<String>) -> Result<Option<u64>, Error> {
    let number = text.map(|text| text.parse()).transpose();
    number.map_err(|_| Error::invalid(format!("{name} must be a number")))
}
