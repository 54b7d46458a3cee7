//! The commands that speak to a running host.

mod status;

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{UnixStream, unix::OwnedReadHalf},
    runtime::Builder,
    time::timeout,
};

use crate::{
    app::{AppError, print},
    cli::{InspectArgs, SwapArgs, Which},
    inspect,
    status::{ConnectionState, Status},
    store::aside::Settled,
    swap::{
        Entry, Step,
        control::{Reconnected, Request, SILENCE, connect},
    },
    text::one_line,
};

/// Why no host could be asked.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {why}", dir.display())]
pub(crate) struct UnheardError {
    what: &'static str,
    dir: PathBuf,
    why: String,
}

/// `host swap`.
pub(crate) fn swap(args: &SwapArgs) -> Result<(), AppError> {
    let file = std::path::absolute(&args.file).context("there is no current directory")?;
    let request = Request::Swap {
        file,
        force: args.force,
        fresh_state: args.take.fresh_state,
        allow_model_change: args.take.allow_model_change,
        wait: args.wait,
    };
    steps(&args.device, &request)
}

/// `host rollback`.
pub(crate) fn rollback(args: &InspectArgs) -> Result<(), AppError> {
    steps(args, &Request::Rollback)
}

/// `host status`.
pub(crate) fn status(args: &InspectArgs) -> Result<(), AppError> {
    let line = only_answer(args, &Request::Status)?;
    let status: Status = serde_json::from_value(line.clone()).map_err(|_| foreign(&line))?;
    match args.json {
        true => print(format!("{line}\n").as_bytes()),
        false => print(status::in_words(&status).as_bytes()),
    }
    Ok(())
}

/// `host reconnect`.
pub(crate) fn reconnect(args: &InspectArgs) -> Result<(), AppError> {
    let line = only_answer(args, &Request::Reconnect)?;
    let reconnected: Reconnected =
        serde_json::from_value(line.clone()).map_err(|_| foreign(&line))?;
    let text = match reconnected.was {
        _ if args.json => line.to_string(),
        ConnectionState::Waiting => "connecting".to_owned(),
        ConnectionState::Connected => "connecting anew".to_owned(),
        ConnectionState::Connecting | ConnectionState::Renewing | ConnectionState::Provisioning => {
            "it is connecting already".to_owned()
        }
    };
    print(format!("{text}\n").as_bytes());
    Ok(())
}

/// `host outbox --retry`.
pub(crate) fn retry(args: &InspectArgs, which: Which) -> Result<(), AppError> {
    settle(args, &Request::Retry { id: which.id() }, "goes out again")
}

/// `host outbox --discard`.
pub(crate) fn discard(args: &InspectArgs, which: Which) -> Result<(), AppError> {
    settle(args, &Request::Discard { id: which.id() }, "discarded")
}

/// Has something done with what is set aside, and tells with what.
fn settle(args: &InspectArgs, request: &Request, done: &str) -> Result<(), AppError> {
    let line = only_answer(args, request)?;
    let settled: Settled = serde_json::from_value(line.clone()).map_err(|_| foreign(&line))?;
    let text = match args.json {
        true => format!("{line}\n"),
        false => settled_in_words(&settled, done),
    };
    print(text.as_bytes());
    Ok(())
}

fn settled_in_words(settled: &Settled, done: &str) -> String {
    if settled.done.is_empty() && settled.left.is_empty() {
        return "nothing is set aside\n".to_owned();
    }
    let line = |ids: &[u64], what: &str| match ids {
        [] => String::new(),
        ids => {
            let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
            format!("{what}: {}\n", ids.join(", "))
        }
    };
    let left = "left aside, because the component takes no messages";
    line(&settled.done, done) + &line(&settled.left, left)
}

/// Asks for something that takes steps, and tells each.
fn steps(args: &InspectArgs, request: &Request) -> Result<(), AppError> {
    let mut last = None;
    ask(args, request, |line| {
        let entry: Entry = serde_json::from_value(line.clone()).map_err(|_| foreign(&line))?;
        match args.json {
            true => print(format!("{line}\n").as_bytes()),
            false => print(format!("{}\n", one_line(&entry.in_words())).as_bytes()),
        }
        last = Some(entry);
        Ok(())
    })?;
    let last = last.ok_or_else(gone)?;
    let wanted = match request {
        Request::Rollback => last.step == Step::RolledBack,
        _ => matches!(last.step, Step::Begun | Step::Same | Step::Accepted),
    };
    let reason = last
        .reason
        .unwrap_or_else(|| "the host has ended".to_owned());
    match (wanted, last.step) {
        (true, _) => Ok(()),
        (false, Step::Refused) => Err(AppError::Failed(format!("refused: {reason}"))),
        (false, Step::RolledBack) => Err(AppError::Failed(format!("rolled back: {reason}"))),
        (false, _) => Err(AppError::Failed(reason)),
    }
}

fn gone() -> AppError {
    AppError::Failed("the host ended before it answered; see its log".to_owned())
}

fn foreign(line: &Value) -> AppError {
    match line.get("error").and_then(Value::as_str) {
        Some(error) => AppError::Failed(error.to_owned()),
        None => AppError::Failed("what answers is no host of this version".to_owned()),
    }
}

/// The answer of one line.
fn only_answer(args: &InspectArgs, request: &Request) -> Result<Value, AppError> {
    let mut answer = None;
    ask(args, request, |line| {
        answer = Some(line);
        Ok(())
    })?;
    answer.ok_or_else(gone)
}

/// Sends a request, and hands over each line of the answer.
fn ask(
    args: &InspectArgs,
    request: &Request,
    mut take: impl FnMut(Value) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let dir = inspect::find(args)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        let mut lines = in_time(&dir, send(dir.clone(), request)).await??;
        while let Some(line) = in_time(&dir, lines.next_line())
            .await?
            .context("the answer breaks off")?
        {
            // An empty one says that there is more to come.
            if !line.is_empty() {
                take(serde_json::from_str(&line).map_err(|_| foreign(&Value::Null))?)?;
            }
        }
        Ok(())
    })
}

/// What comes of it, unless the host says nothing for too long.
async fn in_time<T>(dir: &Path, answer: impl Future<Output = T>) -> Result<T, AppError> {
    timeout(SILENCE, answer).await.map_err(|_| {
        let unheard = UnheardError {
            what: "the host does not answer in",
            dir: dir.to_owned(),
            why: format!(
                "nothing came for {} s; see whether its process runs",
                SILENCE.as_secs()
            ),
        };
        unheard.into()
    })
}

async fn send(
    dir: PathBuf,
    request: &Request,
) -> Result<Lines<BufReader<OwnedReadHalf>>, AppError> {
    let stream = match connect(&dir).await {
        Ok(stream) => stream,
        Err(error) => return Err(unheard(dir, &error).into()),
    };
    let line = serde_json::to_string(request).context("the request cannot be written")?;
    let (reader, mut writer) = UnixStream::into_split(stream);
    let sent = writer.write_all(format!("{line}\n").as_bytes()).await;
    sent.context("the host does not listen")?;
    Ok(BufReader::new(reader).lines())
}

fn unheard(dir: PathBuf, error: &io::Error) -> UnheardError {
    let (what, why) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => (
            "no host runs with its state in",
            "start one, or name another directory with --state-dir; one with --ephemeral cannot be asked".to_owned(),
        ),
        _ => ("cannot ask the host in", error.to_string()),
    };
    UnheardError { what, dir, why }
}
