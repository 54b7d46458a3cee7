//! An MQTT connection: packet ids, keep-alive, and back-pressure in both directions.
//!
//! It has no task of its own. [`Link::next`] sends and receives, so that packets queued between two calls leave together,
//! and packets that arrived together are read at once.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::{
    Delivery, Incoming, Link, LinkError, Receipt,
    codec::{self, ServerPacket},
    error,
    packet_stream::PacketStream,
};

/// The size of queued packets that are sent before further packets are taken from the input: a full TLS record.
const SEND_SIZE: usize = 16 * 1024;
/// The size of queued packets above which nothing more is received, in bytes. It limits the replies to a server that sends
/// requests and does not read.
const MAX_UNSENT: usize = 1024 * 1024;
/// The timeout of a clean disconnect.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to an MQTT server.
pub struct Connection {
    packets: PacketStream,
    /// Packets without an acknowledgment, by packet id.
    pending: HashMap<u16, Pending>,
    last_packet_id: u16,
    keep_alive: Duration,
    /// The time of the next PINGREQ.
    ping_at: Instant,
    /// True if nothing has been received since the last PINGREQ.
    silent_since_ping: bool,
    /// The longest time in which the socket accepts no data.
    send_timeout: Duration,
    /// The end of that time, and the number of bytes accepted at its start; `None` if nothing waits to be sent.
    stalled: Option<(Instant, u64)>,
    timer: Pin<Box<Sleep>>,
}

/// The subject of a packet without an acknowledgment.
enum Pending {
    /// PUBLISH of the message with this number.
    Message(u64),
    /// SUBSCRIBE to these topics.
    Subscription(Vec<String>),
}

impl Connection {
    /// Returns a connection whose CONNACK has been received. `send_timeout` is the longest time in which the socket
    /// accepts no data.
    pub(super) fn new(packets: PacketStream, keep_alive: Duration, send_timeout: Duration) -> Self {
        let ping_at = Instant::now() + keep_alive;
        Self {
            packets,
            pending: HashMap::new(),
            last_packet_id: 0,
            keep_alive,
            ping_at,
            silent_since_ping: false,
            send_timeout,
            stalled: None,
            timer: Box::pin(sleep_until(ping_at)),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Incoming, LinkError>> {
        loop {
            // Short replies leave together with those to the packets that have already arrived.
            if self.packets.unsent() < SEND_SIZE
                && let Some(incoming) = self.received()?
            {
                return Poll::Ready(Ok(incoming));
            }
            let sent = self.packets.poll_flush(context);
            self.note_progress(sent.is_pending());
            if self.packets.unsent() < MAX_UNSENT {
                if let Some(incoming) = self.received()? {
                    return Poll::Ready(Ok(incoming));
                }
                if self.packets.poll_read(context)?.is_ready() {
                    self.silent_since_ping = false;
                    continue;
                }
            }
            // After the input, which may hold acknowledgments, and says whether the end was orderly.
            if let Poll::Ready(Err(error)) = sent {
                return Poll::Ready(Err(error::link_error(&error)));
            }
            ready!(self.poll_timer(context))?;
        }
    }

    /// Returns the next packet received that means something to the session.
    fn received(&mut self) -> Result<Option<Incoming>, LinkError> {
        while let Some(packet) = self.packets.decode()? {
            if let Some(incoming) = self.interpret(packet)? {
                return Ok(Some(incoming));
            }
        }
        Ok(None)
    }

    fn interpret(&mut self, packet: ServerPacket) -> Result<Option<Incoming>, LinkError> {
        Ok(Some(match packet {
            ServerPacket::PubAck(packet_id) => match self.pending.remove(&packet_id) {
                Some(Pending::Message(number)) => Incoming::Acknowledged(number),
                _ => return Err(codec::unsolicited(packet_id)),
            },
            ServerPacket::Publish {
                topic,
                payload,
                packet_id,
            } => Incoming::Message {
                topic,
                payload,
                receipt: packet_id.map(Receipt),
            },
            ServerPacket::SubAck { packet_id, granted } => match self.pending.remove(&packet_id) {
                Some(Pending::Subscription(topics)) => Incoming::Subscribed {
                    refused: refused(topics, &granted)?,
                },
                _ => return Err(codec::unsolicited(packet_id)),
            },
            ServerPacket::PingResp => return Ok(None),
            ServerPacket::ConnAck(_) => {
                return Err(LinkError::Protocol(
                    "the server sent a second CONNACK".to_owned(),
                ));
            }
        }))
    }

    /// Starts, restarts or ends the time in which the socket accepts no data.
    fn note_progress(&mut self, is_blocked: bool) {
        let accepted = self.packets.accepted();
        match self.stalled {
            _ if !is_blocked => self.stalled = None,
            Some((_, before)) if before == accepted => {}
            _ => self.stalled = Some((Instant::now() + self.send_timeout, accepted)),
        }
    }

    /// Waits until a PINGREQ is due, and queues it.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        loop {
            let stalled_at = self.stalled.map(|(at, _)| at);
            let next = stalled_at.map_or(self.ping_at, |at| at.min(self.ping_at));
            // One that is set too early costs less than setting it for each packet.
            if next < self.timer.deadline() || self.timer.is_elapsed() {
                self.timer.as_mut().reset(next);
            }
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            if stalled_at.is_some_and(|at| at <= now) {
                return Poll::Ready(Err(LinkError::KeepAliveTimeout(format!(
                    "no data could be sent for {} s",
                    self.send_timeout.as_secs()
                ))));
            }
            if self.ping_at <= now {
                // A PINGREQ behind much else has not left, and nothing is read then.
                if self.silent_since_ping && self.stalled.is_none() {
                    return Poll::Ready(Err(LinkError::KeepAliveTimeout(
                        "the server does not respond (keep-alive timeout)".to_owned(),
                    )));
                }
                codec::pingreq(self.packets.output())?;
                self.silent_since_ping = true;
                self.ping_at = now + self.keep_alive;
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reserves a packet id that no packet without an acknowledgment has.
    fn reserve_packet_id(&mut self) -> Result<u16, LinkError> {
        if self.pending.len() >= usize::from(u16::MAX) {
            return Err(LinkError::Protocol(
                "all packet ids are in use: the server acknowledges nothing".to_owned(),
            ));
        }
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if !self.pending.contains_key(&self.last_packet_id) {
                return Ok(self.last_packet_id);
            }
        }
    }
}

/// Returns the topics a SUBACK refuses. It must have as many codes as topics were requested: one too few would leave
/// a topic that is silently not delivered.
fn refused(topics: Vec<String>, granted: &[bool]) -> Result<Vec<String>, LinkError> {
    if topics.len() != granted.len() {
        return Err(LinkError::Protocol(format!(
            "the server acknowledged {} topics of {} in a subscription (SUBACK)",
            granted.len(),
            topics.len()
        )));
    }
    let answered = topics.into_iter().zip(granted);
    let refused = answered.filter(|(_, granted)| !**granted);
    Ok(refused.map(|(topic, _)| topic).collect())
}

impl Link for Connection {
    async fn next(&mut self) -> Result<Incoming, LinkError> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn subscribe(&mut self, topics: &[String]) -> Result<(), LinkError> {
        let packet_id = self.reserve_packet_id()?;
        codec::subscribe(packet_id, topics, self.packets.output())?;
        let subscription = Pending::Subscription(topics.to_vec());
        self.pending.insert(packet_id, subscription);
        Ok(())
    }

    fn publish(
        &mut self,
        topic: String,
        payload: Bytes,
        delivery: Delivery,
    ) -> Result<(), LinkError> {
        let Delivery::AtLeastOnce(number) = delivery else {
            return codec::publish(topic, payload, None, self.packets.output());
        };
        let packet_id = self.reserve_packet_id()?;
        codec::publish(topic, payload, Some(packet_id), self.packets.output())?;
        self.pending.insert(packet_id, Pending::Message(number));
        Ok(())
    }

    fn unsent(&self) -> usize {
        self.packets.unsent()
    }

    fn acknowledge(&mut self, receipt: Receipt) -> Result<(), LinkError> {
        codec::puback(receipt.0, self.packets.output())
    }

    async fn disconnect(mut self) {
        if codec::disconnect(self.packets.output()).is_ok() {
            // A server that takes nothing more is left without DISCONNECT.
            let _ = timeout(DISCONNECT_TIMEOUT, self.packets.shut_down()).await;
        }
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
