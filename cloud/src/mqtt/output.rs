//! What goes out of a connection: nothing before what it rests on is committed.

use std::collections::VecDeque;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::sync::watch;
use tokio::time::timeout;

use super::connection::FAREWELL;
use super::{Close, Packet, encode};
use crate::store::Store;

/// What may wait for a device to read it, in bytes: room for a full queue of the largest messages.
pub(super) const OUTPUT_LIMIT: usize = 8 * 1024 * 1024;
/// So many steps of a connection may be uncommitted; then nothing more is read from it.
const UNCOMMITTED: usize = 64;

/// Every method can be cancelled without losing anything.
pub(super) struct Output<S> {
    writer: WriteHalf<S>,
    /// What may go.
    buffer: BytesMut,
    unflushed: bool,
    /// What may not go yet, in order.
    held: VecDeque<Held>,
    store: Store,
    committed: watch::Receiver<u64>,
}

/// What one step made, which may be nothing.
struct Held {
    position: u64,
    bytes: BytesMut,
}

impl<S: AsyncWrite> Output<S> {
    pub(super) fn new(writer: WriteHalf<S>, store: &Store) -> Self {
        Self {
            writer,
            buffer: BytesMut::new(),
            unflushed: false,
            held: VecDeque::new(),
            store: store.clone(),
            committed: store.committed(),
        }
    }

    /// Takes what a step made. It goes when everything that was staged by now is committed.
    pub(super) fn queue(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), Close> {
        let mut bytes = BytesMut::new();
        for packet in packets {
            encode(&packet, &mut bytes)?;
        }
        let position = self.store.position();
        self.held.push_back(Held { position, bytes });
        self.release();
        let held: usize = self.held.iter().map(|held| held.bytes.len()).sum();
        match self.buffer.len() + held {
            waiting if waiting > OUTPUT_LIMIT => Err(Close::NotReading),
            _ => Ok(()),
        }
    }

    /// Whether there is something to write, now or once it is committed.
    pub(super) fn pending(&self) -> bool {
        self.unflushed || !self.held.is_empty()
    }

    /// Whether so much waits to be committed that nothing is to be added.
    pub(super) fn is_full(&self) -> bool {
        let crowded = || !self.held.is_empty() && self.store.is_crowded();
        self.held.len() >= UNCOMMITTED || crowded()
    }

    /// Writes what may go, or waits until more may, whichever is first.
    pub(super) async fn advance(&mut self) -> Result<(), Close> {
        let next = self.held.front().map(|held| held.position);
        tokio::select! {
            written = flush(&mut self.writer, &mut self.buffer), if self.unflushed => {
                written?;
                self.unflushed = false;
            }
            () = until(&mut self.committed, next.unwrap_or_default()), if next.is_some() => self.release(),
            else => {}
        }
        Ok(())
    }

    fn release(&mut self) {
        let committed = *self.committed.borrow_and_update();
        while let Some(held) = self.held.pop_front_if(|held| held.position <= committed) {
            self.unflushed |= !held.bytes.is_empty();
            self.buffer.unsplit(held.bytes);
        }
    }

    /// Sends what is left and says goodbye, for as long as a peer deserves that is leaving or misbehaving. The end of the
    /// connection too is told when it is committed.
    pub(super) async fn finish(mut self) {
        let _ = timeout(FAREWELL, async {
            self.queue([])?;
            while self.pending() {
                self.advance().await?;
            }
            self.writer.shutdown().await.map_err(Close::from)
        })
        .await;
    }
}

async fn flush<W: AsyncWrite + Unpin>(writer: &mut W, buffer: &mut BytesMut) -> Result<(), Close> {
    while !buffer.is_empty() {
        writer.write_buf(buffer).await?;
    }
    Ok(writer.flush().await?)
}

async fn until(committed: &mut watch::Receiver<u64>, position: u64) {
    let ended = committed.wait_for(|done| *done >= position).await.is_err();
    if ended {
        // Without a writer nothing is committed, and nothing goes.
        std::future::pending().await
    }
}
