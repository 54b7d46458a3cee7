//! One direction of a link.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::timeout,
};

use super::discard;
use crate::faults::Fault;

/// The size of a read, in bytes.
const CHUNK_SIZE: usize = 8 * 1024;
/// Writes per second on a link of limited bandwidth.
const WRITES_PER_SECOND: u32 = 10;

/// The state of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// Bytes pass.
    Open(Throttle),
    /// Bytes are held.
    Blocked {
        /// The link is dead afterwards.
        drop_connections: bool,
    },
    /// No byte passes ever again.
    Dead,
}

impl Default for LinkState {
    fn default() -> Self {
        Self::Open(Throttle::default())
    }
}

/// Latency and bandwidth of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Throttle {
    latency: Duration,
    /// `None` is unlimited.
    bytes_per_second: Option<u32>,
}

impl Throttle {
    /// Returns the throttle of the fault `slow`, `None` for other faults.
    pub(super) fn of(fault: &Fault) -> Option<Self> {
        match fault {
            Fault::Slow {
                latency,
                bytes_per_second,
            } => Some(Self {
                latency: latency.unwrap_or_default(),
                bytes_per_second: *bytes_per_second,
            }),
            _ => None,
        }
    }

    /// Returns the size of the next write, of `pending` bytes, and the time it occupies the link.
    fn next_write(self, pending: usize) -> (usize, Duration) {
        match self.bytes_per_second {
            None => (pending, Duration::ZERO),
            Some(rate) => {
                let size = pending.min((rate / WRITES_PER_SECOND).max(1) as usize);
                (size, Duration::from_secs(1) * size as u32 / rate.max(1))
            }
        }
    }
}

/// The end of a direction.
enum DirectionEnd {
    /// All bytes were forwarded.
    Finished,
    /// The receiver is gone, or the stream was cut.
    Broken,
    /// The link is dead.
    Dead,
}

/// One direction of a link.
pub(super) struct Direction {
    state: watch::Receiver<LinkState>,
    /// Set to cut the next chunk in half.
    cut: Arc<AtomicBool>,
}

impl Direction {
    pub(super) fn new(state: watch::Receiver<LinkState>, cut: Arc<AtomicBool>) -> Self {
        Self { state, cut }
    }

    /// Forwards bytes from the device. Returns only on a dead link, once the device has left it: of any other end the cloud
    /// learns at its end of the pipe, and closes the connection.
    pub(super) async fn forward_up<R, W>(mut self, mut from: R, mut to: W)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        match self.forward(&mut from, &mut to).await {
            DirectionEnd::Dead => discard(from).await,
            DirectionEnd::Finished | DirectionEnd::Broken => pending().await,
        }
    }

    /// Forwards bytes to the device. Returns when all are written or the device is gone; never on a dead link.
    pub(super) async fn forward_down<R, W>(mut self, mut from: R, mut to: W)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if let DirectionEnd::Dead = self.forward(&mut from, &mut to).await {
            pending().await
        }
    }

    async fn forward<R, W>(&mut self, from: &mut R, to: &mut W) -> DirectionEnd
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut chunk = vec![0; CHUNK_SIZE];
        loop {
            // A read error is an end of the stream too.
            let count = from.read(&mut chunk).await.unwrap_or(0);
            let bytes = chunk.get(..count).unwrap_or_default();
            if let Err(end) = self.write(bytes, to).await {
                return end;
            }
            if count == 0 {
                let _ = to.shutdown().await;
                return DirectionEnd::Finished;
            }
        }
    }

    /// Writes bytes at the rate of the link. An empty slice, the end of the stream, is delayed too.
    async fn write<W: AsyncWrite + Unpin>(
        &mut self,
        bytes: &[u8],
        to: &mut W,
    ) -> Result<(), DirectionEnd> {
        let throttle = self.opened().await?;
        self.pause(throttle.latency).await;
        let mut throttle = self.opened().await?;
        if !bytes.is_empty() && self.cut.swap(false, Ordering::Relaxed) {
            return Err(write_half(bytes, to).await);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (size, time) = throttle.next_write(rest.len());
            let (next, later) = rest.split_at(size);
            to.write_all(next).await.map_err(|_| DirectionEnd::Broken)?;
            self.pause(time).await;
            throttle = self.opened().await?;
            rest = later;
        }
        Ok(())
    }

    /// Waits until the link is open, and returns its throttle.
    async fn opened(&mut self) -> Result<Throttle, DirectionEnd> {
        let blocked = |state: &LinkState| matches!(state, LinkState::Blocked { .. });
        let state = self.state.wait_for(|state| !blocked(state)).await;
        match state.map(|state| *state) {
            Ok(LinkState::Open(throttle)) => Ok(throttle),
            _ => Err(DirectionEnd::Dead),
        }
    }

    /// Sleeps, at most until the state of the link changes.
    async fn pause(&mut self, time: Duration) {
        if !time.is_zero() {
            let _ = timeout(time, self.state.changed()).await;
        }
    }
}

/// Writes the first half of `bytes`, and closes the stream.
async fn write_half<W: AsyncWrite + Unpin>(bytes: &[u8], to: &mut W) -> DirectionEnd {
    let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
    // Errors do not matter: the stream is meant to break.
    let _ = to.write_all(half).await;
    let _ = to.shutdown().await;
    DirectionEnd::Broken
}
