//! The host's control socket: one line of JSON asks, lines of JSON answer, and empty lines say that more is to come.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::time::timeout;

use crate::api::Error;

/// A host that says nothing for so long, not even an empty line, does not answer.
const SILENCE: Duration = Duration::from_secs(10);

/// What a host answers, line by line.
pub(super) struct Answers {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// An end of it would tell the host that nobody listens.
    _writer: tokio::net::unix::OwnedWriteHalf,
}

impl Answers {
    /// Asks the host at this socket.
    ///
    /// # Errors
    /// `HostUnavailable` if none listens there.
    pub(super) async fn to(socket: &Path, order: &Value) -> Result<Self, Error> {
        let asked = async {
            let (reader, mut writer) = UnixStream::connect(socket).await?.into_split();
            writer.write_all(format!("{order}\n").as_bytes()).await?;
            Ok(Self {
                lines: BufReader::new(reader).lines(),
                _writer: writer,
            })
        };
        asked.await.map_err(|error: io::Error| {
            Error::HostUnavailable(format!("no host listens at {}: {error}", socket.display()))
        })
    }

    /// The next answer; none when there are no more.
    ///
    /// # Errors
    /// `HostUnavailable` if the host falls silent, or refuses.
    pub(super) async fn next(&mut self) -> Result<Option<Value>, Error> {
        loop {
            let line = timeout(SILENCE, self.lines.next_line()).await;
            let line = line.map_err(|_| unavailable("the host does not answer"))?;
            let line = line.map_err(unavailable)?;
            match line.as_deref() {
                None => return Ok(None),
                Some("") => {}
                Some(line) => return read(line).map(Some),
            }
        }
    }
}

fn read(line: &str) -> Result<Value, Error> {
    let answer: Value = serde_json::from_str(line).map_err(unavailable)?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(unavailable(error)),
        None => Ok(answer),
    }
}

fn unavailable(why: impl ToString) -> Error {
    Error::HostUnavailable(why.to_string())
}
