//! A client of the host's control socket.
//!
//! A command is one line of JSON. The replies are lines of JSON; empty lines in between are keep-alives.

use std::{io, path::Path, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::api::Error;

/// The longest time between two lines from the host.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to a host, on which one command was sent.
pub(super) struct ControlClient {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// Kept open: the host would take its end for a client that has gone.
    _writer: OwnedWriteHalf,
}

impl ControlClient {
    /// Connects to the control socket and sends `command`.
    ///
    /// # Errors
    /// `HostUnavailable` if no host listens there.
    pub(super) async fn send(socket: &Path, command: &Value) -> Result<Self, Error> {
        let sent = async {
            let (reader, mut writer) = UnixStream::connect(socket).await?.into_split();
            writer.write_all(format!("{command}\n").as_bytes()).await?;
            Ok(Self {
                lines: BufReader::new(reader).lines(),
                _writer: writer,
            })
        };
        sent.await.map_err(|error: io::Error| {
            unavailable(format!(
                "cannot connect to the host at {}: {error}; check that it runs",
                socket.display()
            ))
        })
    }

    /// Waits for the next reply; `None` after the last one.
    ///
    /// # Errors
    /// `HostUnavailable` if the host does not reply in time, or rejects the command.
    pub(super) async fn next_reply(&mut self) -> Result<Option<Value>, Error> {
        loop {
            let line = timeout(REPLY_TIMEOUT, self.lines.next_line()).await;
            let line = line.map_err(|_| {
                let seconds = REPLY_TIMEOUT.as_secs();
                unavailable(format!("the host did not reply within {seconds} s"))
            })?;
            let line = line.map_err(unavailable)?;
            match line.as_deref() {
                None => return Ok(None),
                Some("") => {}
                Some(line) => return parse(line).map(Some),
            }
        }
    }
}

fn parse(line: &str) -> Result<Value, Error> {
    let reply: Value = serde_json::from_str(line).map_err(unavailable)?;
    match reply.get("error").and_then(Value::as_str) {
        Some(error) => Err(unavailable(error)),
        None => Ok(reply),
    }
}

fn unavailable(reason: impl ToString) -> Error {
    Error::HostUnavailable(reason.to_string())
}
