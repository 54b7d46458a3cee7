//! Commands.

use serde_json::{Value, json};

use crate::{
    history::{History, Window},
    timestamp::Timestamp,
};

/// The reply to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 done, 400 invalid request, 404 unknown command or no measurements.
    pub status: u32,
    /// JSON text. Unless the status is 200: an object with the reason as `error`.
    pub payload: String,
}

/// Handles the command `getMaxMinReport`. `running` covers the time since the start of the device.
pub(crate) fn max_min_report(
    payload: Option<&str>,
    history: &History,
    running: Window,
    now: Timestamp,
) -> Reply {
    // The clock may have been set back since the last measurement.
    let now = history.latest().map_or(now, |(last, _)| last.max(now));
    match since(payload) {
        Err(reason) => error_reply(400, &reason),
        Ok(None) => report(running, now),
        Ok(Some(since)) => match history.since(since) {
            Some(window) => report(window, now),
            None => error_reply(404, &format!("no measurements since {since}")),
        },
    }
}

/// A reply with an error status and the reason.
pub(crate) fn error_reply(status: u32, reason: &str) -> Reply {
    Reply {
        status,
        payload: json!({ "error": reason }).to_string(),
    }
}

fn report(window: Window, now: Timestamp) -> Reply {
    let Window { start, statistics } = window;
    let report = json!({
        "maxTemp": statistics.max().degrees(),
        "minTemp": statistics.min().degrees(),
        "avgTemp": statistics.mean(),
        "startTime": start.to_string(),
        "endTime": now.to_string(),
    });
    Reply {
        status: 200,
        payload: report.to_string(),
    }
}

/// Parses the time in a request: the string itself, or the member `since` of an object; `None` without one.
fn since(payload: Option<&str>) -> Result<Option<Timestamp>, String> {
    let payload = payload
        .map(str::trim)
        .filter(|payload| !payload.is_empty())
        .unwrap_or("null");
    let request = serde_json::from_str(payload)
        .map_err(|error| format!("the request is not JSON: {error}"))?;
    let since = match request {
        Value::Object(mut request) => request.remove("since").unwrap_or_default(),
        request => request,
    };
    match since {
        Value::Null => Ok(None),
        Value::String(text) => match Timestamp::parse(&text) {
            Ok(time) => Ok(Some(time)),
            Err(reason) => Err(format!("invalid since {:?}: {reason}", shortened(&text))),
        },
        _ => Err("since must be a string such as \"2020-10-14T08:00:00Z\"".to_owned()),
    }
}

/// Shortens a text from outside for a message.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
