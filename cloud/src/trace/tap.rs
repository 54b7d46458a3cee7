//! Where a connection is listened to.

use std::sync::Arc;

use super::record::kept;
use super::{Packeted, Subject, Trace, Way};
use crate::mqtt::{Close, Packet};

/// One connection's share of the trace.
pub(crate) struct Tap {
    trace: Trace,
    connection: u64,
    client: Arc<str>,
    ended: bool,
}

impl Tap {
    pub(crate) fn new(trace: &Trace) -> Self {
        Self {
            connection: trace.connection(),
            trace: trace.clone(),
            client: "".into(),
            ended: false,
        }
    }

    /// Takes note of what came, and of whose it is.
    pub(crate) fn came(&mut self, packet: Result<Packet, Close>) -> Result<Packet, Close> {
        match &packet {
            Ok(packet) => {
                if let Packet::Connect(connect) = packet {
                    self.client = connect.client_id.as_str().into();
                }
                self.note(Way::Up, packet);
            }
            Err(reason) if reason.is_misbehaviour() => self.trace.add(Subject::Malformed {
                connection: self.connection,
                client: self.client.clone(),
                reason: reason.to_string(),
            }),
            Err(_) => {}
        }
        packet
    }

    /// Takes note of what goes.
    pub(crate) fn goes(
        &self,
        packets: impl IntoIterator<Item = Packet>,
    ) -> impl Iterator<Item = Packet> {
        let packets = packets.into_iter();
        packets.inspect(|packet| self.note(Way::Down, packet))
    }

    /// Takes note of the end.
    pub(crate) fn ended(&mut self, reason: &Close) {
        self.ended = true;
        self.end(reason.to_string());
    }

    fn end(&self, reason: String) {
        self.trace.add(Subject::Ended {
            connection: self.connection,
            client: self.client.clone(),
            reason,
        });
    }

    fn note(&self, way: Way, packet: &Packet) {
        let (packet, size) = kept(packet);
        self.trace.add(Subject::Packet(Packeted {
            connection: self.connection,
            client: self.client.clone(),
            way,
            packet,
            size,
        }));
    }
}

/// A connection that is cut says nothing any more.
impl Drop for Tap {
    fn drop(&mut self) {
        if !self.ended {
            self.end("the cloud cut the connection".into());
        }
    }
}
