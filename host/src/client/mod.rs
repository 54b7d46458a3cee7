//! The commands that call a running host over its control socket.

mod status_text;

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
    app_error::{AppError, UnreachableError},
    cli::{DeadLetterSelector, InspectArgs, SwapArgs},
    document::document,
    inspect, machine,
    output::{print, print_note},
    status::{ConnectionState, Status},
    store::dead_letter::DeadLetterResult,
    swap::control::{ControlRequest, REPLY_TIMEOUT, ReconnectReply, connect},
    text::one_line,
    versions::{HistoryEntry, SwapStep},
};

/// `host swap`.
pub(crate) fn swap(args: &SwapArgs) -> Result<(), AppError> {
    let file = std::path::absolute(&args.file).context("cannot determine the current directory")?;
    let request = ControlRequest::Swap {
        file,
        force: args.force,
        fresh_state: args.swap_policy.fresh_state,
        allow_model_change: args.swap_policy.allow_model_change,
        wait: args.wait,
    };
    print_steps(&args.device, &request)
}

/// `host rollback`.
pub(crate) fn rollback(args: &InspectArgs) -> Result<(), AppError> {
    print_steps(args, &ControlRequest::Rollback)
}

/// `host status`.
pub(crate) fn status(args: &InspectArgs) -> Result<(), AppError> {
    let line = request_one(args, &ControlRequest::Status)?;
    let status: Status =
        serde_json::from_value(line.clone()).map_err(|_| unexpected_reply(&line))?;
    match args.json {
        true => print(document(line).as_bytes())?,
        false => print(status_text::format(&status).as_bytes())?,
    }
    Ok(())
}

/// `host reconnect`.
pub(crate) fn reconnect(args: &InspectArgs) -> Result<(), AppError> {
    let line = request_one(args, &ControlRequest::Reconnect)?;
    let reconnected: ReconnectReply =
        serde_json::from_value(line.clone()).map_err(|_| unexpected_reply(&line))?;
    let text = match reconnected.previous_state {
        _ if args.json => document(line),
        ConnectionState::Backoff => "connecting\n".to_owned(),
        ConnectionState::Connected => "reconnecting\n".to_owned(),
        ConnectionState::Connecting
        | ConnectionState::Reconnecting
        | ConnectionState::Provisioning => "connecting anew\n".to_owned(),
    };
    print(text.as_bytes())?;
    Ok(())
}

/// `host outbox --retry`.
pub(crate) fn retry(args: &InspectArgs, which: DeadLetterSelector) -> Result<(), AppError> {
    resolve_dead_letters(args, &ControlRequest::Retry { id: which.id() }, "retried")
}

/// `host outbox --discard`.
pub(crate) fn discard(args: &InspectArgs, which: DeadLetterSelector) -> Result<(), AppError> {
    resolve_dead_letters(
        args,
        &ControlRequest::Discard { id: which.id() },
        "discarded",
    )
}

/// Retries or discards dead letters, and prints their ids.
fn resolve_dead_letters(
    args: &InspectArgs,
    request: &ControlRequest,
    done: &str,
) -> Result<(), AppError> {
    let line = request_one(args, request)?;
    let result: DeadLetterResult =
        serde_json::from_value(line.clone()).map_err(|_| unexpected_reply(&line))?;
    let text = match args.json {
        true => document(line),
        false => format_result(&result, done),
    };
    print(text.as_bytes())?;
    Ok(())
}

fn format_result(result: &DeadLetterResult, done: &str) -> String {
    if result.done.is_empty() && result.skipped.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let line = |ids: &[u64], what: &str| match ids {
        [] => String::new(),
        ids => {
            let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
            format!("{what}: {}\n", ids.join(", "))
        }
    };
    let skipped = "skipped, because the component does not accept messages";
    line(&result.done, done) + &line(&result.skipped, skipped)
}

/// Sends a request, and prints each step of its reply.
fn print_steps(args: &InspectArgs, request: &ControlRequest) -> Result<(), AppError> {
    let mut last = None;
    request_lines(args, request, |line| {
        let entry: HistoryEntry =
            serde_json::from_value(line.clone()).map_err(|_| unexpected_reply(&line))?;
        let is_progress = entry.step == SwapStep::Requested && entry.reason.is_some();
        match args.json {
            _ if is_progress => print_note(&one_line(&entry.describe())),
            true => print(document(line).as_bytes())?,
            false => print(format!("{}\n", one_line(&entry.describe())).as_bytes())?,
        }
        last = Some(entry);
        Ok(())
    })?;
    let last = last.ok_or_else(host_ended)?;
    let (subject, wanted) = match request {
        ControlRequest::Rollback => ("rollback", last.step == SwapStep::RolledBack),
        _ => ("swap", runs_requested_file(request, &last)),
    };
    let reason = last.reason.unwrap_or_else(|| "the host ended".to_owned());
    match (wanted, last.step) {
        (true, _) => Ok(()),
        (false, SwapStep::Rejected) => {
            Err(AppError::Failed(format!("{subject} rejected: {reason}")))
        }
        (false, SwapStep::RolledBack) => Err(AppError::Failed(format!("rolled back: {reason}"))),
        (false, _) => Err(AppError::Failed(reason)),
    }
}

/// Returns true if the file of a swap request runs after this step.
fn runs_requested_file(request: &ControlRequest, last: &HistoryEntry) -> bool {
    match (last.step, request) {
        (SwapStep::Started | SwapStep::Unchanged | SwapStep::Accepted, _) => true,
        // Only a rollback that is a swap names a file.
        (SwapStep::RolledBack, ControlRequest::Swap { file, .. }) => {
            last.file.as_ref() == Some(file)
        }
        _ => false,
    }
}

fn host_ended() -> AppError {
    AppError::Failed("the host ended before it replied; see its log".to_owned())
}

fn unexpected_reply(line: &Value) -> AppError {
    match line.get("error").and_then(Value::as_str) {
        Some(error) => AppError::Failed(error.to_owned()),
        None => AppError::Failed(
            "unexpected reply; use the `host` program of the version that is running".to_owned(),
        ),
    }
}

/// Sends a request, and returns its reply of one line.
fn request_one(args: &InspectArgs, request: &ControlRequest) -> Result<Value, AppError> {
    let mut reply = None;
    request_lines(args, request, |line| {
        reply = Some(line);
        Ok(())
    })?;
    reply.ok_or_else(host_ended)
}

/// Sends a request, and passes each line of the reply to `take`.
fn request_lines(
    args: &InspectArgs,
    request: &ControlRequest,
    mut take: impl FnMut(Value) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let dir = inspect::find_state_dir(args)?;
    machine::check_descriptors().context("cannot start the runtime")?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let mut lines = with_timeout(&dir, send(dir.clone(), request)).await??;
        while let Some(line) = with_timeout(&dir, lines.next_line())
            .await?
            .context("the reply is incomplete")?
        {
            // An empty line is a heartbeat.
            if !line.is_empty() {
                take(serde_json::from_str(&line).map_err(|_| unexpected_reply(&Value::Null))?)?;
            }
        }
        Ok(())
    })
}

/// Waits for the host.
///
/// # Errors
/// The host does not respond in time.
async fn with_timeout<T>(dir: &Path, reply: impl Future<Output = T>) -> Result<T, AppError> {
    timeout(REPLY_TIMEOUT, reply).await.map_err(|_| {
        let unreachable = UnreachableError {
            problem: "no reply from the host in",
            dir: dir.to_owned(),
            reason: format!(
                "nothing received for {} s; check that its process runs",
                REPLY_TIMEOUT.as_secs()
            ),
        };
        unreachable.into()
    })
}

async fn send(
    dir: PathBuf,
    request: &ControlRequest,
) -> Result<Lines<BufReader<OwnedReadHalf>>, AppError> {
    let stream = match connect(&dir).await {
        Ok(stream) => stream,
        Err(error) => return Err(unreachable(dir, &error).into()),
    };
    let line = serde_json::to_string(request).context("cannot encode the request")?;
    let (reader, mut writer) = UnixStream::into_split(stream);
    let sent = writer.write_all(format!("{line}\n").as_bytes()).await;
    sent.context("cannot send the request")?;
    Ok(BufReader::new(reader).lines())
}

fn unreachable(dir: PathBuf, error: &io::Error) -> UnreachableError {
    let (problem, reason) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => (
            "no host is running with state directory",
            "start the host, or select another directory with --state-dir; a host with --ephemeral has no control socket".to_owned(),
        ),
        _ => ("cannot connect to the host in", error.to_string()),
    };
    UnreachableError {
        problem,
        dir,
        reason,
    }
}
