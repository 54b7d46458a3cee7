//! The commands that speak to a running host.

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
    amount::show_bytes,
    app::{AppError, print},
    cli::{InspectArgs, SwapArgs, Which},
    inspect,
    status::{Calls, Connection, ConnectionState, Outbox, State, Status},
    store::aside::Settled,
    swap::{
        Entry, Step,
        control::{Request, SILENCE, connect},
    },
    text::{counted, one_line},
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
        false => print(in_words(&status).as_bytes()),
    }
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

fn in_words(status: &Status) -> String {
    let mut lines = vec![format!("device     {}", status.device)];
    lines.extend(connection(&status.connection));
    lines.push(outbox(&status.outbox));
    if let Some(running) = &status.running {
        lines.push(format!(
            "runs       {}, since {:.0}",
            running.about, running.since
        ));
    }
    lines.push(match &status.state {
        State::Accepted => "state      accepted".to_owned(),
        State::Probation {
            seconds_left,
            events_left,
        } => format!(
            "state      on probation, for {seconds_left:.0} s and {events_left} events more"
        ),
        State::LeftAlone {
            reason,
            seconds_left,
        } => format!("state      left alone for {seconds_left:.0} s more: {reason}"),
    });
    lines.push(calls(&status.calls));
    let earlier = status.fallback.as_ref().or(status.previous.as_ref());
    if let Some(earlier) = earlier {
        lines.push(format!("before     {}", earlier.about));
    }
    for quarantined in &status.quarantined {
        let short = quarantined.sha256.get(..8).unwrap_or_default();
        lines.push(format!("withdrawn  {short}: {}", quarantined.reason));
    }
    if let Some(last) = &status.last_swap {
        lines.push(format!(
            "last swap  {:.0} {}: {}",
            last.time,
            last.step,
            last.in_words()
        ));
    }
    lines
        .iter()
        .map(|line| format!("{}\n", one_line(line)))
        .collect()
}

/// How it stands with the hub, and what happens next.
fn connection(connection: &Connection) -> Vec<String> {
    let hub = connection.hub.as_deref().unwrap_or("no hub yet");
    let since = connection
        .since
        .map_or_else(String::new, |since| format!(" since {since:.0}"));
    let renewed = |seconds: f64| format!(", token good for {} s more", seconds.round());
    let next = |seconds: f64| format!(", next try in {} s", seconds.ceil());
    let left = connection.token_left.map(renewed).unwrap_or_default();
    let next = connection.next_try.map(next).unwrap_or_default();
    let mut lines = vec![match connection.state {
        ConnectionState::Connected => format!("hub        {hub}, connected{since}{left}"),
        ConnectionState::Connecting => {
            format!("hub        {hub}, connecting, not connected{since}")
        }
        ConnectionState::Provisioning => {
            format!("hub        {hub}, asking DPS, not connected{since}")
        }
        ConnectionState::Waiting => format!("hub        {hub}, not connected{since}{next}"),
    }];
    if let Some(trouble) = &connection.last_trouble {
        let (time, cause, why) = (trouble.time, trouble.cause.name(), &trouble.why);
        lines.push(format!("trouble    {time:.0} {cause}: {why}"));
    }
    let breaks: u64 = connection.lost.values().sum();
    let failed: u64 = connection.failed.values().sum();
    let (connects, renewals) = (connection.connects, connection.renewals);
    lines.push(format!(
        "link       connected {}, token renewed {}, {}, {}",
        times(connects),
        times(renewals),
        counted(breaks, "break"),
        counted(failed, "failed connect"),
    ));
    lines
}

fn outbox(outbox: &Outbox) -> String {
    let oldest = outbox.oldest.map_or_else(String::new, |age| {
        format!(", the oldest {} s old", age.round())
    });
    format!(
        "outbox     {} and {} to send{oldest}; {} acknowledged, {} given up",
        counted(outbox.messages as u64, "message"),
        counted(outbox.reports as u64, "report"),
        outbox.acknowledged,
        outbox.evicted,
    )
}

fn calls(calls: &Calls) -> String {
    let count = calls.ok + calls.errors + calls.traps;
    let mean = calls.seconds * 1000.0 / count.max(1) as f64;
    format!(
        "calls      {count}, {mean:.2} ms each; {}, {}; {} of memory",
        counted(calls.errors, "error"),
        counted(calls.traps, "trap"),
        show_bytes(calls.memory),
    )
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
