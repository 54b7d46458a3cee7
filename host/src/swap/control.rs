//! The socket in the state directory by which a person or script on this machine speaks to a running host: one line of
//! JSON asks, lines of JSON answer, and empty lines say that more is to come. Only the user the host runs as, and root, are listened to.

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
    sync::{Semaphore, mpsc},
    time::timeout,
};

use super::{Ask, Entry, Order, Source, Step, Wish};
use crate::{status::ConnectionState, store::aside::Decision};

/// The socket's name in a state directory.
const NAME: &str = "control";
/// Longest request, in bytes: a path and little else.
const LONGEST: u64 = 16 << 10;
/// A request must have come after this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between two lines of an answer that takes longer.
const PULSE: Duration = Duration::from_secs(2);
/// A host that says nothing for so long, not even an empty line, does not answer.
pub const SILENCE: Duration = Duration::from_secs(10);
/// Connections at a time.
const CONNECTIONS: usize = 16;

/// What can be asked of a running host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Request {
    /// Let this file take over; answered by an [`Entry`] for each step.
    Swap {
        /// The file, as an absolute path.
        file: PathBuf,
        /// Even if it was withdrawn before.
        force: bool,
        /// Without the state there is.
        fresh_state: bool,
        /// Even with another model.
        allow_model_change: bool,
        /// Until it is accepted or rolled back, and not only until it has begun.
        wait: bool,
    },
    /// Go back to the version before; answered like a swap.
    Rollback,
    /// Let what is set aside be sent again; answered by [`Settled`](crate::store::aside::Settled).
    Retry {
        /// Only this; otherwise all.
        id: Option<u64>,
    },
    /// Forget what is set aside; answered likewise.
    Discard {
        /// Only this; otherwise all.
        id: Option<u64>,
    },
    /// Connect now: end the pause before the next try, or replace the connection there is; answered by a [`Reconnected`].
    Reconnect,
    /// How things stand; answered by a [`Status`](crate::status::Status).
    Status,
    /// What became of the versions; answered by a [`History`](super::History).
    History,
}

/// What came of [`Request::Reconnect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconnected {
    /// What the connection was doing.
    pub was: ConnectionState,
}

/// The socket of a host, gone when this is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    listener: Option<StdListener>,
}

impl Control {
    /// Listens in a state directory this host holds: a socket that is there was left by a host that is gone.
    pub fn listen(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(NAME);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(&path)?,
            Ok(_) => {
                let why = "something else has its name";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let dir = open_dir(state_dir)?;
        let listener = StdListener::bind(short(&dir))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            path,
            listener: Some(listener),
        })
    }

    /// What answers, for one device, as long as it runs; to be begun once, in a runtime.
    pub fn serve<B: Send + 'static>(
        &mut self,
        wishes: mpsc::Sender<Wish>,
        orders: mpsc::Sender<Order<B>>,
    ) -> io::Result<impl Future<Output = ()> + Send + use<B>> {
        let listener = self.listener.take();
        let listener = listener.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        let listener = UnixListener::from_std(listener)?;
        let at_once = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(async move {
            loop {
                let Ok(turn) = at_once.clone().acquire_owned().await else {
                    return;
                };
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Such as too many open files, which passes.
                        tracing::debug!(%error, "no connection taken");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                };
                let (wishes, orders) = (wishes.clone(), orders.clone());
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, wishes, orders).await {
                        tracing::debug!(%error, "a control connection has ended early");
                    }
                    drop(turn);
                });
            }
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // It is told from a living one without being removed, too.
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to the host that holds this state directory.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` if no host does.
pub async fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let dir = open_dir(state_dir)?;
    let found = fs::symlink_metadata(state_dir.join(NAME))?;
    if !found.file_type().is_socket() || found.uid() != geteuid().as_raw() && !geteuid().is_root() {
        let why = "what is there is no socket of this user's";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    UnixStream::connect(short(&dir)).await
}

fn open_dir(path: &Path) -> io::Result<fs::File> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// The socket's path in this directory, short enough for the 108 bytes a socket's path may have.
fn short(dir: &fs::File) -> PathBuf {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}/{NAME}", dir.as_raw_fd()).into()
}

async fn answer<B>(
    stream: UnixStream,
    wishes: mpsc::Sender<Wish>,
    orders: mpsc::Sender<Order<B>>,
) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let (reader, mut writer) = stream.into_split();
    if peer != geteuid().as_raw() && peer != 0 {
        return say(
            &mut writer,
            &json!({"error": "this host listens to its own user only"}),
        )
        .await;
    }
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(LONGEST));
    timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await??;
    let request = match serde_json::from_slice(&line) {
        Ok(request) => request,
        Err(error) => {
            let error = format!("the request is not understood: {error}");
            return say(&mut writer, &json!({ "error": error })).await;
        }
    };
    match request {
        Request::Swap {
            file,
            force,
            fresh_state,
            allow_model_change,
            wait,
        } => {
            let (asker, steps) = mpsc::unbounded_channel();
            let ask = Ask {
                source: Source::Command,
                file,
                force,
                fresh_state,
                allow_model_change,
                asker: Some(asker),
            };
            if wishes.send(Wish::Swap(ask)).await.is_ok() {
                tell(&mut writer, steps, wait).await?;
            }
        }
        Request::Rollback => {
            let (asker, steps) = mpsc::unbounded_channel();
            if wishes.send(Wish::RollBack(asker)).await.is_ok() {
                tell(&mut writer, steps, true).await?;
            }
        }
        Request::Retry { id } => settle(&mut writer, &orders, Decision::Retry, id).await?,
        Request::Discard { id } => settle(&mut writer, &orders, Decision::Discard, id).await?,
        Request::Reconnect => {
            if let Some(was) = Order::ask(&orders, Order::Reconnect).await {
                say(&mut writer, &Reconnected { was }).await?;
            }
        }
        Request::Status => {
            if let Some(status) = Order::ask(&orders, Order::Report).await {
                say(&mut writer, &status).await?;
            }
        }
        Request::History => {
            if let Some(history) = Order::ask(&orders, Order::History).await {
                say(&mut writer, &history).await?;
            }
        }
    }
    writer.shutdown().await
}

/// Has something done with what is set aside.
async fn settle<B>(
    writer: &mut (impl AsyncWriteExt + Unpin),
    orders: &mpsc::Sender<Order<B>>,
    decision: Decision,
    id: Option<u64>,
) -> io::Result<()> {
    match Order::ask(orders, |to| Order::Aside(decision, id, to)).await {
        Some(Ok(settled)) => say(writer, &settled).await,
        Some(Err(error)) => say(writer, &json!({ "error": error })).await,
        None => Ok(()),
    }
}

/// Passes steps on until there is nothing more to wait for. An empty line now and then says that there is.
async fn tell(
    writer: &mut (impl AsyncWriteExt + Unpin),
    mut steps: mpsc::UnboundedReceiver<Entry>,
    to_the_end: bool,
) -> io::Result<()> {
    loop {
        match timeout(PULSE, steps.recv()).await {
            Ok(Some(entry)) => {
                say(writer, &entry).await?;
                let is_end = match entry.step {
                    // It may be on probation still. If it is not, nothing more comes.
                    Step::Begun | Step::Same => !to_the_end,
                    step => step.is_end(),
                };
                if is_end {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => writer.write_all(b"\n").await?,
        }
    }
}

async fn say(writer: &mut (impl AsyncWriteExt + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
