//! One connection, from its CONNECT to its end.

use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Close, ConnectReturn, DeviceServices, Packet, Peer, Refusal, Replies, decode, output::Output,
};
use crate::{faults::Fault, trace::ConnectionTracer};

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
pub(crate) trait ConnectObserver {
    /// A CONNECT with this client id has arrived. It is not authenticated yet.
    fn connecting(&self, client_id: &str);

    /// The CONNECT is accepted.
    fn accepted(&self);
}

/// Serves one connection until it ends. Returns the reason. Dropping the future cuts the connection.
pub(crate) async fn serve<S>(
    stream: S,
    services: &DeviceServices,
    observer: &impl ConnectObserver,
) -> Close
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut input = Input::new(reader);
    let mut output = Output::new(writer, services.hub.store());
    let mut tracer = ConnectionTracer::new(services.hub.trace());
    let reason = match open(&mut input, &mut output, &mut tracer, services, observer).await {
        Ok((mut peer, keep_alive)) => {
            let reason = run(&mut peer, keep_alive, &mut input, &mut output, &mut tracer).await;
            peer.end(reason.clone());
            reason
        }
        Err(reason) => reason,
    };
    tracer.closed(&reason);
    output.flush_and_close().await;
    reason
}

/// Reads the CONNECT and replies to it.
async fn open<S: AsyncRead + AsyncWrite>(
    input: &mut Input<S>,
    output: &mut Output<S>,
    tracer: &mut ConnectionTracer,
    services: &DeviceServices,
    observer: &impl ConnectObserver,
) -> Result<(Peer, Duration), Close> {
    let first = timeout(CONNECT_TIMEOUT, input.packet(MAX_CONNECT)).await;
    let connect = match tracer.received(first.map_err(|_| Close::NoConnect)?) {
        Ok(Packet::Connect(connect)) => connect,
        Ok(_) => return Err(Close::Protocol("the first packet is not CONNECT".into())),
        Err(Close::Version) => {
            output.queue(tracer.sent([connack(false, ConnectReturn::UnacceptableVersion)]))?;
            return Err(Close::Version);
        }
        Err(reason) => return Err(reason),
    };
    observer.connecting(&connect.client_id);
    if services
        .hub
        .faults()
        .is_on(&Fault::Silent, Some(&connect.client_id))
    {
        return Err(input.drain().await);
    }
    match Peer::accept(services, &connect) {
        Ok(peer) => {
            observer.accepted();
            output
                .queue(tracer.sent([connack(peer.session_present(), ConnectReturn::Accepted)]))?;
            Ok((peer, keep_alive(connect.keep_alive)))
        }
        Err(Refusal { code, reason }) => {
            output.queue(tracer.sent([connack(false, code)]))?;
            Err(Close::Refused(reason))
        }
    }
}

fn connack(session_present: bool, code: ConnectReturn) -> Packet {
    Packet::ConnAck {
        session_present,
        code,
    }
}

/// Runs the session until it ends.
async fn run<S: AsyncRead + AsyncWrite>(
    peer: &mut Peer,
    keep_alive: Duration,
    input: &mut Input<S>,
    output: &mut Output<S>,
    tracer: &mut ConnectionTracer,
) -> Close {
    let expiry = Instant::now() + time_until(peer.expiry);
    let mut keep_alive_deadline = Instant::now() + keep_alive;
    let mut step = peer
        .opened()
        .and_then(|packets| output.queue(tracer.sent(packets)));
    loop {
        if let Err(reason) = step {
            return reason;
        }
        let is_paused = output.is_backlogged();
        step = tokio::select! {
            push = peer.pushed() => {
                peer.on_push(push).and_then(|packets| output.queue(tracer.sent(packets)))
            }
            packet = input.packet(MAX_PACKET), if !is_paused => {
                keep_alive_deadline = Instant::now() + keep_alive;
                let replies = tracer.received(packet).and_then(|packet| handle(peer, packet));
                replies.and_then(|packets| output.queue(tracer.sent(packets)))
            }
            advanced = output.advance(), if output.has_pending() => {
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

fn handle(peer: &mut Peer, packet: Packet) -> Replies {
    match packet {
        Packet::PingReq => Ok(vec![Packet::PingResp]),
        Packet::Disconnect => Err(Close::ByDevice),
        packet => peer.on_packet(packet),
    }
}

/// Returns one and a half times the keep-alive of the client.
fn keep_alive(seconds: u16) -> Duration {
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
        dir::Policies,
        dps::{Dps, DpsConfig},
        faults::Faults,
        hub::{DeviceSpec, Hub, twin::TwinPatch},
        mqtt::{Connect, Password, Qos, Subscribe, encode, output::MAX_BUFFERED},
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
