//! One direction of a wire.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::ignore;
use crate::faults::Fault;

/// What is read at once, in bytes.
const CHUNK: usize = 8 * 1024;
/// A wire of limited speed passes its bytes in so many parts a second.
const PARTS: u32 = 10;

/// How bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// At this pace.
    Open(Pace),
    /// Not now.
    Held {
        /// And not later either.
        lose: bool,
    },
    /// Never again.
    Lost,
}

impl Default for Passage {
    fn default() -> Self {
        Self::Open(Pace::default())
    }
}

/// How fast bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    latency: Duration,
    /// None is as fast as can be.
    bytes_per_second: Option<u32>,
}

impl Pace {
    /// The pace a fault makes.
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

    /// How many bytes pass at once, and how long they keep the wire busy.
    fn part(self, waiting: usize) -> (usize, Duration) {
        match self.bytes_per_second {
            None => (waiting, Duration::ZERO),
            Some(rate) => {
                let part = waiting.min((rate / PARTS).max(1) as usize);
                (part, Duration::from_secs(1) * part as u32 / rate.max(1))
            }
        }
    }
}

/// Why a lane carries nothing more.
enum Over {
    /// Everything was passed on.
    Done,
    /// Whoever was to get it is gone, or it was cut.
    Broken,
    /// The wire is dead.
    Lost,
}

/// One direction.
pub(super) struct Lane {
    passage: watch::Receiver<Passage>,
    /// Set when the next bytes are to be cut in half.
    cut: Arc<AtomicBool>,
}

impl Lane {
    pub(super) fn new(passage: watch::Receiver<Passage>, cut: Arc<AtomicBool>) -> Self {
        Self { passage, cut }
    }

    /// Carries what the device says. Returns only on a dead wire, when the device has left it: of any other end the
    /// cloud hears at the other end, and ends what is to be ended.
    pub(super) async fn carry_up<R, W>(mut self, mut from: R, mut to: W)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        match self.carry(&mut from, &mut to).await {
            Over::Lost => ignore(from).await,
            Over::Done | Over::Broken => pending().await,
        }
    }

    /// Carries what the cloud says. Returns when all is said, or cannot be. On a dead wire it never can.
    pub(super) async fn carry_down<R, W>(mut self, mut from: R, mut to: W)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if let Over::Lost = self.carry(&mut from, &mut to).await {
            pending().await
        }
    }

    async fn carry<R, W>(&mut self, from: &mut R, to: &mut W) -> Over
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut chunk = vec![0; CHUNK];
        loop {
            // An error is the end as well: who was there is gone.
            let count = from.read(&mut chunk).await.unwrap_or(0);
            let bytes = chunk.get(..count).unwrap_or_default();
            if let Err(over) = self.send(bytes, to).await {
                return over;
            }
            if count == 0 {
                let _ = to.shutdown().await;
                return Over::Done;
            }
        }
    }

    /// Passes bytes on, at the pace of the wire. No bytes are the end, which has to wait its turn too.
    async fn send<W: AsyncWrite + Unpin>(&mut self, bytes: &[u8], to: &mut W) -> Result<(), Over> {
        let pace = self.opened().await?;
        self.pause(pace.latency).await;
        let mut pace = self.opened().await?;
        if !bytes.is_empty() && self.cut.swap(false, Ordering::Relaxed) {
            return Err(half(bytes, to).await);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (count, time) = pace.part(rest.len());
            let (part, later) = rest.split_at(count);
            to.write_all(part).await.map_err(|_| Over::Broken)?;
            self.pause(time).await;
            pace = self.opened().await?;
            rest = later;
        }
        Ok(())
    }

    /// Waits until bytes may pass, and says how fast.
    async fn opened(&mut self) -> Result<Pace, Over> {
        let held = |passage: &Passage| matches!(passage, Passage::Held { .. });
        let passage = self.passage.wait_for(|passage| !held(passage)).await;
        match passage.map(|passage| *passage) {
            Ok(Passage::Open(pace)) => Ok(pace),
            _ => Err(Over::Lost),
        }
    }

    /// Waits so long, or until bytes pass otherwise than before.
    async fn pause(&mut self, time: Duration) {
        if !time.is_zero() {
            let _ = timeout(time, self.passage.changed()).await;
        }
    }
}

/// Passes on the first half, and closes.
async fn half<W: AsyncWrite + Unpin>(bytes: &[u8], to: &mut W) -> Over {
    let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
    // It is to break, and may have broken before.
    let _ = to.write_all(half).await;
    let _ = to.shutdown().await;
    Over::Broken
}
