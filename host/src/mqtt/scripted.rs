//! An in-process transport for tests: the holder of the [`ScriptedServer`] plays the broker. No sockets, no time.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{Connect, ConnectError, Delivery, Incoming, Link, LinkError, Receipt, Transport};

/// Creates a transport and the server at its other end. Each connect waits for the server's answer.
#[must_use]
pub fn pair() -> (ScriptedTransport, ScriptedServer) {
    let (to_server, from_device) = mpsc::unbounded_channel();
    (
        ScriptedTransport { to_server },
        ScriptedServer { from_device },
    )
}

/// The device's end. Unreachable once the [`ScriptedServer`] is dropped.
#[derive(Debug)]
pub struct ScriptedTransport {
    to_server: mpsc::UnboundedSender<PendingConnect>,
}

/// The broker's end.
#[derive(Debug)]
pub struct ScriptedServer {
    from_device: mpsc::UnboundedReceiver<PendingConnect>,
}

/// A CONNECT that waits for its CONNACK. Dropping it leaves the server unreachable for this attempt.
#[derive(Debug)]
pub struct PendingConnect {
    /// The content of CONNECT.
    pub connect: Connect,
    answer: oneshot::Sender<Result<ScriptedLink, ConnectError>>,
}

/// The device's end of a connection.
#[derive(Debug)]
pub struct ScriptedLink {
    to_server: mpsc::UnboundedSender<ClientPacket>,
    from_server: mpsc::UnboundedReceiver<Result<Incoming, LinkError>>,
}

/// The broker's end of a connection. Dropping it closes the connection cleanly; packets sent before still arrive.
#[derive(Debug)]
pub struct ScriptedConnection {
    to_device: mpsc::UnboundedSender<Result<Incoming, LinkError>>,
    from_device: mpsc::UnboundedReceiver<ClientPacket>,
}

/// A packet that the device sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientPacket {
    /// SUBSCRIBE to these topics.
    Subscribe(Vec<String>),
    /// PUBLISH.
    Publish {
        /// The topic.
        topic: String,
        /// The body.
        payload: Bytes,
        /// QoS, with the number to acknowledge.
        delivery: Delivery,
    },
    /// PUBACK of a message received.
    Acknowledge(Receipt),
    /// DISCONNECT.
    Disconnect,
}

impl ScriptedServer {
    /// The next CONNECT; none once the transport is dropped.
    pub async fn next(&mut self) -> Option<PendingConnect> {
        self.from_device.recv().await
    }
}

impl PendingConnect {
    /// Answers with CONNACK 0.
    #[must_use]
    pub fn accept(self) -> ScriptedConnection {
        let (to_device, from_server) = mpsc::unbounded_channel();
        let (to_server, from_device) = mpsc::unbounded_channel();
        // A device that has given up meanwhile shows on the connection as a closed one.
        let _ = self.answer.send(Ok(ScriptedLink {
            to_server,
            from_server,
        }));
        ScriptedConnection {
            to_device,
            from_device,
        }
    }

    /// Answers with this error.
    pub fn refuse(self, error: ConnectError) {
        let _ = self.answer.send(Err(error));
    }
}

impl ScriptedConnection {
    /// The next thing the device sends; none once it has dropped the connection.
    pub async fn next(&mut self) -> Option<ClientPacket> {
        self.from_device.recv().await
    }

    /// Sends to the device; lost if it has dropped the connection.
    pub fn send(&self, incoming: Incoming) {
        let _ = self.to_device.send(Ok(incoming));
    }

    /// Ends the connection with this error at the device.
    pub fn fail(self, error: LinkError) {
        let _ = self.to_device.send(Err(error));
    }

    /// Sends a message with QoS 0.
    pub fn publish(&self, topic: &str, payload: impl Into<Bytes>) {
        self.send(Incoming::Message {
            topic: topic.to_owned(),
            payload: payload.into(),
            receipt: None,
        });
    }
}

impl Transport for ScriptedTransport {
    type Link = ScriptedLink;

    async fn connect(&mut self, request: &Connect) -> Result<ScriptedLink, ConnectError> {
        let gone = || ConnectError::Unreachable("the scripted server is gone".to_owned());
        let (answer, answered) = oneshot::channel();
        let connect = request.clone();
        let attempt = PendingConnect { connect, answer };
        self.to_server.send(attempt).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl ScriptedLink {
    fn send(&self, sent: ClientPacket) -> Result<(), LinkError> {
        self.to_server.send(sent).map_err(|_| LinkError::Closed)
    }
}

impl Link for ScriptedLink {
    async fn next(&mut self) -> Result<Incoming, LinkError> {
        self.from_server
            .recv()
            .await
            .unwrap_or(Err(LinkError::Closed))
    }

    fn subscribe(&mut self, topics: &[String]) -> Result<(), LinkError> {
        self.send(ClientPacket::Subscribe(topics.to_vec()))
    }

    fn publish(
        &mut self,
        topic: String,
        payload: Bytes,
        delivery: Delivery,
    ) -> Result<(), LinkError> {
        self.send(ClientPacket::Publish {
            topic,
            payload,
            delivery,
        })
    }

    fn unsent(&self) -> usize {
        0
    }

    fn acknowledge(&mut self, receipt: Receipt) -> Result<(), LinkError> {
        self.send(ClientPacket::Acknowledge(receipt))
    }

    async fn disconnect(self) {
        let _ = self.send(ClientPacket::Disconnect);
    }
}
