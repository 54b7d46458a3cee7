//! The control socket of a running host, in its state directory. A client sends one line of JSON and gets lines of JSON;
//! empty lines are heartbeats. Only the host's own user and root are served.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
        net::UnixListener as StdListener,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::{DeviceRequest, SwapCommand, SwapRequest};
use crate::{
    program,
    status::ConnectionState,
    store::dead_letter::DeadLetterAction,
    versions::{HistoryEntry, SwapSource, SwapStep},
};

/// File name of the socket in a state directory.
const SOCKET_NAME: &str = "control";
/// Size limit of a request, in bytes: a path and little else.
const MAX_REQUEST_BYTES: u64 = 16 << 10;
/// Time a client has to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two lines of a reply that takes longer.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Time without a line, even an empty one, after which a host counts as unresponsive.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit of connections served at a time; further ones wait.
const MAX_CONNECTIONS: usize = 16;
/// Limit of connections that wait for the end of a probation; further ones are rejected.
const MAX_WAITING: usize = 256;

/// A request to a running host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "command",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum ControlRequest {
    /// Swap in a component; the reply is a [`HistoryEntry`] for each step.
    Swap {
        /// The file, as an absolute path.
        file: PathBuf,
        /// Accept a version even if it is quarantined.
        force: bool,
        /// Start without the device's state.
        fresh_state: bool,
        /// Accept another model.
        allow_model_change: bool,
        /// Reply until the version is accepted or rolled back, instead of until it has started.
        wait: bool,
    },
    /// Roll back to the previous version; the reply is that of a swap.
    Rollback,
    /// Retry dead letters; the reply is a [`DeadLetterResult`](crate::store::dead_letter::DeadLetterResult).
    Retry {
        /// The dead letter to retry; `None` for all.
        id: Option<u64>,
    },
    /// Discard dead letters; the reply is that of a retry.
    Discard {
        /// The dead letter to discard; `None` for all.
        id: Option<u64>,
    },
    /// Connect now: skip the backoff, or replace the current connection. The reply is a [`ReconnectReply`].
    Reconnect,
    /// Return the [`Status`](crate::status::Status).
    Status,
    /// Return the [`History`](super::History).
    History,
}

/// The reply to [`ControlRequest::Reconnect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconnectReply {
    /// The connection's state before.
    pub previous_state: ConnectionState,
}

/// The listening control socket of a host; dropping it removes the file.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: Option<StdListener>,
}

impl ControlSocket {
    /// Listens in a state directory this host holds, and replaces a socket that an ended host has left there.
    ///
    /// # Errors
    /// The socket cannot be made, or another kind of file has its name.
    pub fn listen(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(SOCKET_NAME);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(&path)?,
            Ok(_) => {
                let reason = "another file has this name";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let dir = open_dir(state_dir)?;
        let listener = StdListener::bind(short_path(&dir))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            path,
            listener: Some(listener),
        })
    }

    /// Returns the server of this socket, which runs as long as the device. May be called once, in a runtime.
    ///
    /// # Errors
    /// The socket cannot be used, or is served already.
    pub fn serve<B: Send + 'static>(
        &mut self,
        commands: mpsc::Sender<SwapCommand>,
        requests: mpsc::Sender<DeviceRequest<B>>,
    ) -> io::Result<impl Future<Output = ()> + Send + use<B>> {
        let listener = self.listener.take();
        let listener = listener.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        let listener = UnixListener::from_std(listener)?;
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let waiting = Arc::new(Semaphore::new(MAX_WAITING));
        Ok(async move {
            loop {
                let Ok(permit) = permits.clone().acquire_owned().await else {
                    return;
                };
                let place = Place {
                    permit,
                    waiting: waiting.clone(),
                };
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Such as too many open files, which passes.
                        tracing::debug!(%error, "cannot accept a control connection");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                };
                let (commands, requests) = (commands.clone(), requests.clone());
                tokio::spawn(async move {
                    if let Err(error) = handle_connection(stream, commands, requests, place).await {
                        tracing::debug!(%error, "control connection failed");
                    }
                });
            }
        })
    }
}

/// The place of a connection among those served at a time.
struct Place {
    permit: OwnedSemaphorePermit,
    waiting: Arc<Semaphore>,
}

impl Place {
    /// Gives the place to others while this connection waits for the end of a probation. Returns false if too many wait.
    fn wait(&mut self) -> bool {
        let waiting = self.waiting.clone().try_acquire_owned();
        waiting.map(|permit| self.permit = permit).is_ok()
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // A client recognises a socket nobody listens on, so that one left behind is harmless.
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to the host that holds this state directory.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` if no host holds it.
pub async fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let dir = open_dir(state_dir)?;
    let found = fs::symlink_metadata(state_dir.join(SOCKET_NAME))?;
    if !found.file_type().is_socket() || found.uid() != geteuid().as_raw() && !geteuid().is_root() {
        let reason = "it is not a socket of this user";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    UnixStream::connect(short_path(&dir)).await
}

fn open_dir(path: &Path) -> io::Result<fs::File> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Returns a path of the socket within the 108 bytes a socket's path may have.
fn short_path(dir: &fs::File) -> PathBuf {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}/{SOCKET_NAME}", dir.as_raw_fd()).into()
}

async fn handle_connection<B>(
    stream: UnixStream,
    commands: mpsc::Sender<SwapCommand>,
    requests: mpsc::Sender<DeviceRequest<B>>,
    place: Place,
) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let (reader, mut writer) = stream.into_split();
    if peer != geteuid().as_raw() && peer != 0 {
        return write_line(
            &mut writer,
            &json!({"error": "permission denied: only the host's own user may connect"}),
        )
        .await;
    }
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST_BYTES));
    timeout(REQUEST_TIMEOUT, reader.read_until(b'\n', &mut line)).await??;
    let request = match serde_json::from_slice(&line) {
        Ok(request) => request,
        Err(error) => {
            let error = format!("malformed request: {error}");
            return write_line(&mut writer, &json!({ "error": error })).await;
        }
    };
    match request {
        ControlRequest::Swap {
            file,
            force,
            fresh_state,
            allow_model_change,
            wait,
        } => {
            let (step_sender, steps) = mpsc::unbounded_channel();
            let request = SwapRequest {
                source: SwapSource::Command,
                file,
                force,
                fresh_state,
                allow_model_change,
                step_sender: Some(step_sender),
            };
            if commands.send(SwapCommand::Swap(request)).await.is_ok() {
                write_steps(&mut writer, steps, wait, place).await?;
            }
        }
        ControlRequest::Rollback => {
            let (step_sender, steps) = mpsc::unbounded_channel();
            if commands
                .send(SwapCommand::Rollback(step_sender))
                .await
                .is_ok()
            {
                write_steps(&mut writer, steps, true, place).await?;
            }
        }
        ControlRequest::Retry { id } => {
            resolve_dead_letters(&mut writer, &requests, DeadLetterAction::Retry, id).await?
        }
        ControlRequest::Discard { id } => {
            resolve_dead_letters(&mut writer, &requests, DeadLetterAction::Discard, id).await?
        }
        ControlRequest::Reconnect => {
            let reply = DeviceRequest::round_trip(&requests, DeviceRequest::Reconnect).await;
            if let Some(previous_state) = reply {
                write_line(&mut writer, &ReconnectReply { previous_state }).await?;
            }
        }
        ControlRequest::Status => {
            let reply = DeviceRequest::round_trip(&requests, DeviceRequest::Status).await;
            if let Some(status) = reply {
                write_line(&mut writer, &status).await?;
            }
        }
        ControlRequest::History => {
            let reply = DeviceRequest::round_trip(&requests, DeviceRequest::History).await;
            if let Some(history) = reply {
                write_line(&mut writer, &history).await?;
            }
        }
    }
    writer.shutdown().await
}

/// Retries or discards dead letters, and writes the reply.
async fn resolve_dead_letters<B>(
    writer: &mut (impl AsyncWriteExt + Unpin),
    requests: &mpsc::Sender<DeviceRequest<B>>,
    decision: DeadLetterAction,
    id: Option<u64>,
) -> io::Result<()> {
    let request = |reply_to| DeviceRequest::ResolveDeadLetters(decision, id, reply_to);
    match DeviceRequest::round_trip(requests, request).await {
        Some(Ok(settled)) => write_line(writer, &settled).await,
        Some(Err(error)) => write_line(writer, &json!({ "error": error })).await,
        None => Ok(()),
    }
}

/// Writes steps until the last one, with heartbeats between them.
async fn write_steps(
    writer: &mut (impl AsyncWriteExt + Unpin),
    mut steps: mpsc::UnboundedReceiver<HistoryEntry>,
    until_final: bool,
    mut place: Place,
) -> io::Result<()> {
    loop {
        match timeout(HEARTBEAT, steps.recv()).await {
            Ok(Some(entry)) => {
                write_line(writer, &entry).await?;
                let is_last = match entry.step {
                    // An unchanged version may still be on probation. If it is not, nothing more comes.
                    SwapStep::Started | SwapStep::Unchanged => !until_final,
                    step => step.is_final(),
                };
                if is_last {
                    return Ok(());
                }
                let waits = matches!(entry.step, SwapStep::Started | SwapStep::Unchanged);
                if waits && !place.wait() {
                    let error = format!(
                        "{MAX_WAITING} others wait for the end of this probation; see its state with `{}`",
                        program::command("status")
                    );
                    return write_line(writer, &json!({ "error": error })).await;
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => writer.write_all(b"\n").await?,
        }
    }
}

async fn write_line(
    writer: &mut (impl AsyncWriteExt + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
