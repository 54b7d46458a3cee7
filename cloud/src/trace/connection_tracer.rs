//! Recording of a connection in the trace.

use std::sync::Arc;

use super::{PacketDirection, PacketRecord, Subject, Trace, record::redacted};
use crate::mqtt::{Close, Packet};

/// Records the packets of one connection, and its end.
pub(crate) struct ConnectionTracer {
    trace: Trace,
    connection: u64,
    client: Arc<str>,
    closed: bool,
}

impl ConnectionTracer {
    pub(crate) fn new(trace: &Trace) -> Self {
        Self {
            connection: trace.next_connection(),
            trace: trace.clone(),
            client: "".into(),
            closed: false,
        }
    }

    /// Records a received packet, and takes the client id from a CONNECT.
    pub(crate) fn received(&mut self, packet: Result<Packet, Close>) -> Result<Packet, Close> {
        match &packet {
            Ok(packet) => {
                if let Packet::Connect(connect) = packet {
                    self.client = connect.client_id.as_str().into();
                }
                self.record(PacketDirection::Up, packet);
            }
            Err(reason) if reason.is_client_error() => self.trace.add(Subject::Malformed {
                connection: self.connection,
                client: self.client.clone(),
                reason: reason.to_string(),
            }),
            Err(_) => {}
        }
        packet
    }

    /// Records packets as they are sent.
    pub(crate) fn sent(
        &self,
        packets: impl IntoIterator<Item = Packet>,
    ) -> impl Iterator<Item = Packet> {
        let packets = packets.into_iter();
        packets.inspect(|packet| self.record(PacketDirection::Down, packet))
    }

    /// Records the end of the connection.
    pub(crate) fn closed(&mut self, reason: &Close) {
        self.closed = true;
        self.record_end(reason.to_string());
    }

    fn record_end(&self, reason: String) {
        self.trace.add(Subject::Ended {
            connection: self.connection,
            client: self.client.clone(),
            reason,
        });
    }

    fn record(&self, direction: PacketDirection, packet: &Packet) {
        let (packet, size) = redacted(packet);
        self.trace.add(Subject::Packet(PacketRecord {
            connection: self.connection,
            client: self.client.clone(),
            direction,
            packet,
            size,
        }));
    }
}

/// Records the end of a connection that was cut.
impl Drop for ConnectionTracer {
    fn drop(&mut self) {
        if !self.closed {
            self.record_end("connection cut by the cloud".into());
        }
    }
}
