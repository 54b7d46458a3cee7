//! One connection, from its CONNECT to its end.

use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf},
    time::{Instant, sleep_until, timeout},
};

use super::{dispatch::DeviceServices, output::Output};
use crate::{
    faults::Fault,
    mqtt::{
        Authenticated, Close, Connect, ConnectReturn, Endpoint, Packet, Refusal, Replies, decode,
    },
    trace::ConnectionTracer,
};

/// The largest CONNECT, in bytes: names and a token.
const MAX_CONNECT: usize = 16 * 1024;
/// The largest packet, in bytes: a message of 256 KiB and the longest topic of MQTT. The hub has stricter limits.
const MAX_PACKET: usize = (256 + 64) * 1024 + 4;
const READ_SIZE: usize = 8 * 1024;
/// The time for a whole CONNECT to arrive.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The time to flush pending output before the connection is closed.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// Azure's longest keep-alive in seconds, also for a client without keep-alive.
const MAX_KEEP_ALIVE: u16 = 1177;
/// The longest timer for the expiry of a token. No connection lasts as long.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// An observer of the beginning of a connection.
pub(super) trait ConnectObserver: Sync {
    /// A CONNECT with this client id has arrived. It is not authenticated yet.
    fn connecting(&self, client_id: &str);

    /// The CONNECT is accepted.
    fn accepted(&self);
}

/// One connection. It ends with its network connection, or with [`Connection::serve`].
pub(super) struct Connection<'a, S> {
    input: Input<S>,
    output: Output<S>,
    tracer: ConnectionTracer,
    observer: &'a dyn ConnectObserver,
}

/// Serves one connection until it ends. Returns the reason. Dropping the future cuts the connection.
pub(super) async fn serve<S>(
    stream: S,
    services: &DeviceServices,
    observer: &dyn ConnectObserver,
) -> Close
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut connection = Connection {
        input: Input::new(reader),
        output: Output::new(writer, services.hub.store()),
        tracer: ConnectionTracer::new(services.hub.trace()),
        observer,
    };
    let reason = match connection.connect().await {
        Ok(connect) if is_ignored(services, &connect) => connection.input.drain().await,
        Ok(connect) => services.serve(&mut connection, &connect).await,
        Err(reason) => reason,
    };
    connection.tracer.closed(&reason);
    connection.output.flush_and_close().await;
    reason
}

/// Returns true if a fault keeps the cloud silent towards this client.
fn is_ignored(services: &DeviceServices, connect: &Connect) -> bool {
    let faults = services.hub.faults();
    faults.is_on(&Fault::Silent, Some(&connect.client_id))
}

impl<S: AsyncRead + AsyncWrite> Connection<'_, S> {
    /// Reads the CONNECT.
    async fn connect(&mut self) -> Result<Connect, Close> {
        let first = timeout(CONNECT_TIMEOUT, self.input.packet(MAX_CONNECT)).await;
        match self.tracer.received(first.map_err(|_| Close::NoConnect)?) {
            Ok(Packet::Connect(connect)) => {
                self.observer.connecting(&connect.client_id);
                Ok(connect)
            }
            Ok(_) => Err(Close::Protocol("the first packet is not CONNECT".into())),
            Err(Close::Version) => {
                self.send([connack(false, ConnectReturn::UnacceptableVersion)])?;
                Err(Close::Version)
            }
            Err(reason) => Err(reason),
        }
    }

    /// Replies to the CONNECT, and runs the session until it ends. `keep_alive` is that of the client, in seconds.
    pub(super) async fn run<E: Endpoint>(
        &mut self,
        accepted: Result<Authenticated<E>, Refusal>,
        keep_alive: u16,
    ) -> Close {
        let Authenticated {
            mut endpoint,
            expiry,
        } = match accepted {
            Ok(accepted) => accepted,
            Err(Refusal { code, reason }) => {
                let sent = self.send([connack(false, code)]);
                return sent.err().unwrap_or(Close::Refused(reason));
            }
        };
        self.observer.accepted();
        let accepted = self.send([connack(endpoint.session_present(), ConnectReturn::Accepted)]);
        let reason = match accepted {
            Ok(()) => self.exchange(&mut endpoint, expiry, keep_alive).await,
            Err(reason) => reason,
        };
        endpoint.end(reason.clone());
        reason
    }

    /// Exchanges packets between device and service until one of them ends it.
    async fn exchange(
        &mut self,
        endpoint: &mut impl Endpoint,
        expiry: Timestamp,
        keep_alive: u16,
    ) -> Close {
        let keep_alive = keep_alive_limit(keep_alive);
        let expiry = Instant::now() + time_until(expiry);
        let mut keep_alive_deadline = Instant::now() + keep_alive;
        let mut step = endpoint.opened().and_then(|packets| self.send(packets));
        loop {
            if let Err(reason) = step {
                return reason;
            }
            let is_paused = self.output.is_backlogged();
            step = tokio::select! {
                push = endpoint.pushed() => {
                    endpoint.on_push(push).and_then(|packets| self.send(packets))
                }
                packet = self.input.packet(MAX_PACKET), if !is_paused => {
                    keep_alive_deadline = Instant::now() + keep_alive;
                    let packet = self.tracer.received(packet);
                    let replies = packet.and_then(|packet| handle(endpoint, packet));
                    replies.and_then(|packets| self.send(packets))
                }
                advanced = self.output.advance(), if self.output.has_pending() => {
                    if is_paused {
                        // A device that was not read from was not silent.
                        keep_alive_deadline = Instant::now() + keep_alive;
                    }
                    advanced
                }
                () = sleep_until(keep_alive_deadline), if !is_paused => Err(Close::KeepAlive),
                () = sleep_until(expiry) => Err(Close::TokenExpired),
            };
        }
    }

    fn send(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), Close> {
        self.output.queue(self.tracer.sent(packets))
    }
}

fn connack(session_present: bool, code: ConnectReturn) -> Packet {
    Packet::ConnAck {
        session_present,
        code,
    }
}

fn handle(endpoint: &mut impl Endpoint, packet: Packet) -> Replies {
    match packet {
        Packet::PingReq => Ok(vec![Packet::PingResp]),
        Packet::Disconnect => Err(Close::ByDevice),
        packet => endpoint.on_packet(packet),
    }
}

/// Returns one and a half times the keep-alive of the client.
fn keep_alive_limit(seconds: u16) -> Duration {
    let seconds = match seconds {
        0 => MAX_KEEP_ALIVE,
        seconds => seconds.min(MAX_KEEP_ALIVE),
    };
    Duration::from_secs(seconds.into()) * 3 / 2
}

fn time_until(expiry: Timestamp) -> Duration {
    let left = expiry.duration_since(Timestamp::now());
    Duration::try_from(left)
        .unwrap_or_default()
        .min(MAX_TOKEN_LIFETIME)
}

/// The incoming side of a connection. All methods are cancel safe.
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

    /// Reads and drops input until the client disconnects.
    async fn drain(&mut self) -> Close {
        while let Ok(1..) = self.reader.read_buf(&mut self.buffer).await {
            self.buffer.clear();
        }
        Close::Lost
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::{
        dps::{Dps, DpsConfig},
        faults::Faults,
        front::output::MAX_BUFFERED,
        hub::{DeviceSpec, Hub, twin::TwinPatch},
        mqtt::{Password, Qos, Subscribe, encode},
        policies::Policies,
        sas,
        store::{Retention, Store, StoreLocation},
    };

    struct Nobody;

    impl ConnectObserver for Nobody {
        fn connecting(&self, _: &str) {}

        fn accepted(&self) {}
    }

    fn services() -> DeviceServices {
        let keep = Retention {
            age: Duration::MAX,
            bytes: u64::MAX,
        };
        let store = Store::open(&StoreLocation::Memory, keep).unwrap();
        let hub = Hub::open(["localhost"], Faults::default(), store).unwrap();
        let config = DpsConfig {
            names: vec!["localhost".into()],
            id_scope: "0ne".into(),
            assigned_hub: "localhost".into(),
            retry_after: 0,
        };
        DeviceServices {
            dps: Dps::open(config, hub.clone()).unwrap(),
            hub,
            policies: Policies::generate(),
        }
    }

    fn opening(hub: &Hub) -> BytesMut {
        let device = hub.create_device(DeviceSpec::new("t-1")).unwrap();
        let hour = Timestamp::now() + Duration::from_secs(3600);
        let key = &device.keys.primary_key;
        let token = sas::sign("localhost/devices/t-1", key, hour, None).unwrap();
        let connect = Packet::Connect(Connect {
            client_id: "t-1".into(),
            clean_session: true,
            keep_alive: 0,
            will: None,
            username: Some("localhost/t-1/?api-version=2021-04-12".into()),
            password: Some(Password(token.into())),
        });
        let subscribe = Packet::Subscribe(Subscribe {
            packet_id: 1,
            filters: vec![(
                "$iothub/twin/PATCH/properties/desired/#".into(),
                Qos::AtMostOnce,
            )],
        });
        let mut bytes = BytesMut::new();
        for packet in [connect, subscribe] {
            encode(&packet, &mut bytes).unwrap();
        }
        bytes
    }

    /// Connects and subscribes, then pauses the clock.
    async fn settled(device: &mut tokio::io::DuplexStream, hub: &Hub) {
        device.write_all(&opening(hub)).await.unwrap();
        // CONNACK and SUBACK.
        device.read_exact(&mut [0; 9]).await.unwrap();
        tokio::time::pause();
    }

    #[tokio::test]
    async fn a_device_that_does_not_read_is_dropped_before_it_fills_the_memory() {
        let services = services();
        // Room for CONNACK and SUBACK, and little more.
        let (mut device, server) = tokio::io::duplex(1024);
        let hub = services.hub.clone();
        let served = tokio::spawn(async move { serve(server, &services, &Nobody).await });
        settled(&mut device, &hub).await;
        let text = "x".repeat(4000);
        let body = serde_json::json!({"properties": {"desired": {"a": text}}});
        let patch = TwinPatch::from_json(&body.into()).unwrap();
        for _ in 0..MAX_BUFFERED / text.len() + 1 {
            hub.patch_twin("t-1", patch.clone(), None).unwrap();
        }
        assert_eq!(served.await.unwrap(), Close::NotReading);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_or_half_a_word_is_dropped() {
        for first in [&b""[..], &[0x10, 100, 0, 4]] {
            let services = services();
            let (mut device, server) = tokio::io::duplex(1024);
            device.write_all(first).await.unwrap();
            assert_eq!(serve(server, &services, &Nobody).await, Close::NoConnect);
        }
    }

    #[tokio::test]
    async fn a_client_that_asks_for_no_keep_alive_has_azures_longest() {
        let services = services();
        let (mut device, server) = tokio::io::duplex(1024);
        let hub = services.hub.clone();
        let served = tokio::spawn(async move { serve(server, &services, &Nobody).await });
        settled(&mut device, &hub).await;
        let start = Instant::now();
        assert_eq!(served.await.unwrap(), Close::KeepAlive);
        let lasted = start.elapsed().as_secs();
        let flush = FLUSH_TIMEOUT.as_secs();
        // The last packet came some moments before.
        assert!((1764..=1765 + flush).contains(&lasted), "{lasted} s");
    }
}
