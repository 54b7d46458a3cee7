//! The packets of a byte stream, buffered in both directions.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::{
    LinkError,
    codec::{self, Decoded, ServerPacket},
    error,
};

/// The bytes read at a time, if no larger packet is under way.
const READ_SIZE: usize = 4 * 1024;
/// The size above which an empty buffer is released.
const RETAINED_SIZE: usize = 64 * 1024;

/// A connection to a server, encrypted or not.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A stream of packets. Nothing is read or sent except in calls.
pub(super) struct PacketStream {
    stream: Box<dyn ByteStream>,
    input: BytesMut,
    /// Packets that the stream has not accepted.
    output: BytesMut,
    /// True while bytes that the stream has accepted may not have left.
    unflushed: bool,
    /// The number of bytes that the stream has accepted.
    accepted: u64,
}

impl PacketStream {
    pub(super) fn new(stream: impl ByteStream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            input: BytesMut::new(),
            output: BytesMut::new(),
            unflushed: false,
            accepted: 0,
        }
    }

    /// Returns the buffer for packets to send.
    pub(super) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Returns the number of queued bytes that the stream has not accepted.
    pub(super) fn unsent(&self) -> usize {
        self.output.len()
    }

    /// Returns the number of bytes that the stream has accepted so far.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Returns the next packet that has been read; `None` if it has not arrived whole.
    pub(super) fn decode(&mut self) -> Result<Option<ServerPacket>, LinkError> {
        match codec::decode(&mut self.input)? {
            Decoded::Packet(packet) => Ok(Some(packet)),
            Decoded::Incomplete(missing) => {
                if self.input.is_empty() && self.input.capacity() > RETAINED_SIZE {
                    self.input = BytesMut::new();
                }
                self.input.reserve(missing.max(READ_SIZE));
                Ok(None)
            }
        }
    }

    /// Reads more bytes.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let read = pin!(self.stream.read_buf(&mut self.input)).poll(context);
        Poll::Ready(match ready!(read) {
            Ok(0) if self.input.is_empty() => Err(LinkError::Closed),
            Ok(0) => Err(LinkError::Protocol(
                "the server closed the connection in the middle of a packet".to_owned(),
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(error::link_error(&error)),
        })
    }

    /// Sends everything queued.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let accepted = ready!(stream.poll_write(context, &self.output))?;
            if accepted == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(accepted);
            self.accepted += accepted as u64;
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
            if self.output.capacity() > RETAINED_SIZE {
                self.output = BytesMut::new();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends everything queued, and waits for the next packet.
    pub(super) async fn exchange(&mut self) -> Result<ServerPacket, LinkError> {
        let flushed = poll_fn(|context| self.poll_flush(context)).await;
        flushed.map_err(|error| error::link_error(&error))?;
        loop {
            if let Some(packet) = self.decode()? {
                return Ok(packet);
            }
            poll_fn(|context| self.poll_read(context)).await?;
        }
    }

    /// Sends everything queued, and closes the sending direction.
    pub(super) async fn shut_down(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_flush(context)).await?;
        poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context)).await
    }
}
