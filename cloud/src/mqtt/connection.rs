//! One connection, from its CONNECT to its end.

use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Close, ConnectReturn, Packet, Peer, decode, encode};
use crate::dps::Dps;
use crate::hub::Hub;

/// A CONNECT carries names and a token, no more.
const CONNECT_LIMIT: usize = 16 * 1024;
/// A message of 256 KiB and the longest topic MQTT has; the hub is stricter in detail.
const PACKET_LIMIT: usize = (256 + 64) * 1024 + 4;
/// What may wait for a device to read it, in bytes: room for a full queue of the largest messages.
const OUTPUT_LIMIT: usize = 8 * 1024 * 1024;
const READ_SIZE: usize = 8 * 1024;
/// From the first byte to a whole CONNECT.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// To hand over what is left when the connection ends.
const FAREWELL: Duration = Duration::from_secs(2);
/// Azure's longest keep-alive, also for a client that asks for none, in seconds.
const KEEP_ALIVE_LIMIT: u16 = 1177;
/// Timers do not reach further than this, and no connection lasts as long.
const LONGEST_TOKEN: Duration = Duration::from_secs(365 * 24 * 3600);

/// Serves one connection until it ends, and says why it did. Dropping the future ends it at once.
pub(crate) async fn serve<S>(stream: S, hub: &Hub, dps: &Dps) -> Close
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut input = Input::new(reader);
    let mut output = Output::new(writer);
    let reason = match open(&mut input, &mut output, hub, dps).await {
        Ok((mut peer, keep_alive)) => {
            let reason = run(&mut peer, keep_alive, &mut input, &mut output).await;
            peer.end(reason.clone());
            reason
        }
        Err(reason) => reason,
    };
    output.finish().await;
    reason
}

/// Reads the CONNECT and answers it.
async fn open<S: AsyncRead + AsyncWrite>(
    input: &mut Input<S>,
    output: &mut Output<S>,
    hub: &Hub,
    dps: &Dps,
) -> Result<(Peer, Duration), Close> {
    let first = timeout(CONNECT_PATIENCE, input.packet(CONNECT_LIMIT)).await;
    let accepted = match first.map_err(|_| Close::NoConnect)? {
        Ok(Packet::Connect(connect)) => {
            let peer = Peer::accept(hub, dps, &connect);
            peer.map(|peer| (peer, keep_alive(connect.keep_alive)))
        }
        Ok(_) => return Err(Close::Protocol("something else before CONNECT".into())),
        Err(Close::Version) => Err(ConnectReturn::UnacceptableVersion),
        Err(reason) => return Err(reason),
    };
    let (session_present, code) = match &accepted {
        Ok((peer, _)) => (peer.session_present(), ConnectReturn::Accepted),
        Err(code) => (false, *code),
    };
    output.queue([Packet::ConnAck {
        session_present,
        code,
    }])?;
    accepted.map_err(|_| Close::Refused)
}

/// Runs the session until it ends.
async fn run<S: AsyncRead + AsyncWrite>(
    peer: &mut Peer,
    keep_alive: Duration,
    input: &mut Input<S>,
    output: &mut Output<S>,
) -> Close {
    match converse(peer, keep_alive, input, output).await {
        Ok(never) => match never {},
        Err(reason) => reason,
    }
}

async fn converse<S: AsyncRead + AsyncWrite>(
    peer: &mut Peer,
    keep_alive: Duration,
    input: &mut Input<S>,
    output: &mut Output<S>,
) -> Result<std::convert::Infallible, Close> {
    output.queue(peer.opened()?)?;
    let expiry = Instant::now() + until(peer.expiry);
    let mut silence = Instant::now() + keep_alive;
    loop {
        tokio::select! {
            push = peer.pushed() => output.queue(peer.on_push(push)?)?,
            packet = input.packet(PACKET_LIMIT) => {
                silence = Instant::now() + keep_alive;
                output.queue(answer(peer, packet?)?)?;
            }
            written = output.flush(), if output.pending() => written?,
            () = sleep_until(silence) => return Err(Close::KeepAlive),
            () = sleep_until(expiry) => return Err(Close::TokenExpired),
        }
    }
}

fn answer(peer: &mut Peer, packet: Packet) -> Result<Vec<Packet>, Close> {
    match packet {
        Packet::PingReq => Ok(vec![Packet::PingResp]),
        Packet::Disconnect => Err(Close::ByDevice),
        packet => peer.on_packet(packet),
    }
}

/// One and a half times what the client asked for.
fn keep_alive(seconds: u16) -> Duration {
    let seconds = match seconds {
        0 => KEEP_ALIVE_LIMIT,
        seconds => seconds.min(KEEP_ALIVE_LIMIT),
    };
    Duration::from_secs(seconds.into()) * 3 / 2
}

fn until(expiry: Timestamp) -> Duration {
    let left = expiry.duration_since(Timestamp::now());
    Duration::try_from(left)
        .unwrap_or_default()
        .min(LONGEST_TOKEN)
}

/// What comes in. Every method can be cancelled without losing anything.
struct Input<S> {
    reader: ReadHalf<S>,
    buffer: BytesMut,
}

impl<S: AsyncRead> Input<S> {
    fn new(reader: ReadHalf<S>) -> Self {
        Self {
            reader,
            buffer: BytesMut::new(),
        }
    }

    async fn packet(&mut self, limit: usize) -> Result<Packet, Close> {
        loop {
            if let Some(packet) = decode(&mut self.buffer, limit)? {
                return Ok(packet);
            }
            self.buffer.reserve(READ_SIZE);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Err(Close::Lost);
            }
        }
    }
}

/// What goes out. Every method can be cancelled without losing anything.
struct Output<S> {
    writer: WriteHalf<S>,
    buffer: BytesMut,
    unflushed: bool,
}

impl<S: AsyncWrite> Output<S> {
    fn new(writer: WriteHalf<S>) -> Self {
        Self {
            writer,
            buffer: BytesMut::new(),
            unflushed: false,
        }
    }

    fn queue(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), Close> {
        for packet in packets {
            encode(&packet, &mut self.buffer)?;
            self.unflushed = true;
        }
        match self.buffer.len() {
            waiting if waiting > OUTPUT_LIMIT => Err(Close::NotReading),
            _ => Ok(()),
        }
    }

    fn pending(&self) -> bool {
        self.unflushed
    }

    async fn flush(&mut self) -> Result<(), Close> {
        while !self.buffer.is_empty() {
            self.writer.write_buf(&mut self.buffer).await?;
        }
        self.writer.flush().await?;
        self.unflushed = false;
        Ok(())
    }

    /// Sends what is left and says goodbye, for as long as a peer deserves that is leaving or misbehaving.
    async fn finish(mut self) {
        let _ = timeout(FAREWELL, async {
            self.flush().await?;
            self.writer.shutdown().await.map_err(Close::from)
        })
        .await;
    }
}
