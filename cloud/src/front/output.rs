//! The outgoing side of a connection: packets are sent once the state behind them is committed.

use std::collections::VecDeque;

use bytes::BytesMut;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt, WriteHalf},
    sync::watch,
    time::timeout,
};

use super::connection::FLUSH_TIMEOUT;
use crate::{
    mqtt::{Close, Packet, encode},
    store::Store,
};

/// The largest output that a device has not read, in bytes: room for a full queue of the largest messages.
pub(super) const MAX_BUFFERED: usize = 8 * 1024 * 1024;
/// The largest number of uncommitted steps of a connection; with more, reading pauses.
const MAX_UNCOMMITTED: usize = 64;

/// The outgoing side of a connection. All methods are cancel safe.
pub(super) struct Output<S> {
    writer: WriteHalf<S>,
    /// Bytes to write.
    buffer: BytesMut,
    unflushed: bool,
    /// Steps whose state is not committed, in order.
    uncommitted: VecDeque<UncommittedStep>,
    store: Store,
    committed: watch::Receiver<u64>,
}

/// The packets of one step, perhaps none, and the position they wait for.
struct UncommittedStep {
    position: u64,
    bytes: BytesMut,
}

impl<S: AsyncWrite> Output<S> {
    pub(super) fn new(writer: WriteHalf<S>, store: &Store) -> Self {
        Self {
            writer,
            buffer: BytesMut::new(),
            unflushed: false,
            uncommitted: VecDeque::new(),
            store: store.clone(),
            committed: store.committed(),
        }
    }

    /// Queues the packets of a step, to be sent when everything staged by now is committed.
    ///
    /// # Errors
    /// `NotReading` if the device has not read too much already.
    pub(super) fn queue(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), Close> {
        let mut bytes = BytesMut::new();
        for packet in packets {
            encode(&packet, &mut bytes)?;
        }
        let position = self.store.position();
        self.uncommitted
            .push_back(UncommittedStep { position, bytes });
        self.release_committed();
        let uncommitted: usize = self.uncommitted.iter().map(|step| step.bytes.len()).sum();
        match self.buffer.len() + uncommitted {
            buffered if buffered > MAX_BUFFERED => Err(Close::NotReading),
            _ => Ok(()),
        }
    }

    /// Returns true if there is something to write, now or once it is committed.
    pub(super) fn has_pending(&self) -> bool {
        self.unflushed || !self.uncommitted.is_empty()
    }

    /// Returns true if so much is uncommitted that reading has to pause.
    pub(super) fn is_backlogged(&self) -> bool {
        let is_store_backlogged = || !self.uncommitted.is_empty() && self.store.is_backlogged();
        self.uncommitted.len() >= MAX_UNCOMMITTED || is_store_backlogged()
    }

    /// Writes, or waits for a commit, whichever is first.
    pub(super) async fn advance(&mut self) -> Result<(), Close> {
        let next = self.uncommitted.front().map(|step| step.position);
        tokio::select! {
            written = write_all(&mut self.writer, &mut self.buffer), if self.unflushed => {
                written?;
                self.unflushed = false;
            }
            () = wait_for_commit(&mut self.committed, next.unwrap_or_default()), if next.is_some() => self.release_committed(),
            else => {}
        }
        Ok(())
    }

    fn release_committed(&mut self) {
        let committed = *self.committed.borrow_and_update();
        while let Some(step) = self
            .uncommitted
            .pop_front_if(|step| step.position <= committed)
        {
            self.unflushed |= !step.bytes.is_empty();
            self.buffer.unsplit(step.bytes);
        }
    }

    /// Flushes pending output and closes the connection, within [`FLUSH_TIMEOUT`]. Waits for the commit of the end of the
    /// connection too.
    pub(super) async fn flush_and_close(mut self) {
        let _ = timeout(FLUSH_TIMEOUT, async {
            self.queue([])?;
            while self.has_pending() {
                self.advance().await?;
            }
            self.writer.shutdown().await.map_err(Close::from)
        })
        .await;
    }
}

async fn write_all<W: AsyncWrite + Unpin>(
    writer: &mut W,
    buffer: &mut BytesMut,
) -> Result<(), Close> {
    while !buffer.is_empty() {
        writer.write_buf(buffer).await?;
    }
    Ok(writer.flush().await?)
}

async fn wait_for_commit(committed: &mut watch::Receiver<u64>, position: u64) {
    let ended = committed.wait_for(|done| *done >= position).await.is_err();
    if ended {
        // Without a writer nothing is committed, and nothing is sent.
        std::future::pending().await
    }
}
