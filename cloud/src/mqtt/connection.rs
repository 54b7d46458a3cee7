//! One connection, from its CONNECT to its end.

use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use super::output::Output;
use super::{Close, ConnectReturn, Packet, Peer, Refusal, decode};
use crate::dps::Dps;
use crate::faults::Fault;
use crate::hub::Hub;
use crate::trace::Tap;

/// A CONNECT carries names and a token, no more.
const CONNECT_LIMIT: usize = 16 * 1024;
/// A message of 256 KiB and the longest topic MQTT has; the hub is stricter in detail.
const PACKET_LIMIT: usize = (256 + 64) * 1024 + 4;
const READ_SIZE: usize = 8 * 1024;
/// From the first byte to a whole CONNECT.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// To hand over what is left when the connection ends.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);
/// Azure's longest keep-alive, also for a client that asks for none, in seconds.
const KEEP_ALIVE_LIMIT: u16 = 1177;
/// Timers do not reach further than this, and no connection lasts as long.
const LONGEST_TOKEN: Duration = Duration::from_secs(365 * 24 * 3600);

/// Serves one connection until it ends, and says why it did. `known` is told whose it is, or claims to be. Dropping the
/// future ends it at once.
pub(crate) async fn serve<S>(stream: S, hub: &Hub, dps: &Dps, known: impl FnOnce(&str)) -> Close
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut input = Input::new(reader);
    let mut output = Output::new(writer, hub.store());
    let mut tap = Tap::new(hub.trace());
    let reason = match open(&mut input, &mut output, &mut tap, hub, dps, known).await {
        Ok((mut peer, keep_alive)) => {
            let reason = run(&mut peer, keep_alive, &mut input, &mut output, &mut tap).await;
            peer.end(reason.clone());
            reason
        }
        Err(reason) => reason,
    };
    tap.ended(&reason);
    output.finish().await;
    reason
}

/// Reads the CONNECT and answers it.
async fn open<S: AsyncRead + AsyncWrite>(
    input: &mut Input<S>,
    output: &mut Output<S>,
    tap: &mut Tap,
    hub: &Hub,
    dps: &Dps,
    known: impl FnOnce(&str),
) -> Result<(Peer, Duration), Close> {
    let first = timeout(CONNECT_PATIENCE, input.packet(CONNECT_LIMIT)).await;
    let connect = match tap.came(first.map_err(|_| Close::NoConnect)?) {
        Ok(Packet::Connect(connect)) => connect,
        Ok(_) => return Err(Close::Protocol("something else before CONNECT".into())),
        Err(Close::Version) => {
            output.queue(tap.goes([connack(false, ConnectReturn::UnacceptableVersion)]))?;
            return Err(Close::Version);
        }
        Err(reason) => return Err(reason),
    };
    known(&connect.client_id);
    if hub.faults().is_on(&Fault::Silent, Some(&connect.client_id)) {
        return Err(input.ignore().await);
    }
    match Peer::accept(hub, dps, &connect) {
        Ok(peer) => {
            output.queue(tap.goes([connack(peer.session_present(), ConnectReturn::Accepted)]))?;
            Ok((peer, keep_alive(connect.keep_alive)))
        }
        Err(Refusal { code, reason }) => {
            warn!(client_id = ?connect.client_id, reason, "device refused");
            output.queue(tap.goes([connack(false, code)]))?;
            Err(Close::Refused)
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
    tap: &mut Tap,
) -> Close {
    let expiry = Instant::now() + until(peer.expiry);
    let mut silence = Instant::now() + keep_alive;
    let mut step = peer
        .opened()
        .and_then(|packets| output.queue(tap.goes(packets)));
    loop {
        if let Err(reason) = step {
            return reason;
        }
        let deaf = output.is_full();
        step = tokio::select! {
            push = peer.pushed() => {
                peer.on_push(push).and_then(|packets| output.queue(tap.goes(packets)))
            }
            packet = input.packet(PACKET_LIMIT), if !deaf => {
                silence = Instant::now() + keep_alive;
                let answer = tap.came(packet).and_then(|packet| answer(peer, packet));
                answer.and_then(|packets| output.queue(tap.goes(packets)))
            }
            advanced = output.advance(), if output.pending() => {
                if deaf {
                    // Who was not listened to was not silent.
                    silence = Instant::now() + keep_alive;
                }
                advanced
            }
            () = sleep_until(silence), if !deaf => Err(Close::KeepAlive),
            () = sleep_until(expiry) => Err(Close::TokenExpired),
        };
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

    /// Reads until the client leaves.
    async fn ignore(&mut self) -> Close {
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
    use crate::dps::DpsConfig;
    use crate::faults::Faults;
    use crate::hub::DeviceSpec;
    use crate::hub::twin::TwinPatch;
    use crate::mqtt::encode;
    use crate::mqtt::output::OUTPUT_LIMIT;
    use crate::mqtt::{Connect, Password, Subscribe};
    use crate::store::{Place, Retention, Store};
    use crate::{mqtt::Qos, sas};

    fn services() -> (Hub, Dps) {
        let keep = Retention {
            age: Duration::MAX,
            bytes: u64::MAX,
        };
        let store = Store::open(&Place::Memory, keep).unwrap();
        let hub = Hub::open(["localhost"], Faults::default(), store).unwrap();
        let config = DpsConfig {
            names: vec!["localhost".into()],
            id_scope: "0ne".into(),
            assigned_hub: "localhost".into(),
            retry_after: 0,
        };
        (hub.clone(), Dps::open(config, hub).unwrap())
    }

    fn opening(hub: &Hub) -> BytesMut {
        let device = hub.create_device(DeviceSpec::named("t-1")).unwrap();
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

    /// Connected and subscribed, with a clock that goes as fast as the test from then on.
    async fn settled(device: &mut tokio::io::DuplexStream, hub: &Hub) {
        device.write_all(&opening(hub)).await.unwrap();
        // CONNACK and SUBACK.
        device.read_exact(&mut [0; 9]).await.unwrap();
        tokio::time::pause();
    }

    #[tokio::test]
    async fn a_device_that_does_not_read_is_dropped_before_it_fills_the_memory() {
        let (hub, dps) = services();
        // Room for CONNACK and SUBACK, and little more.
        let (mut device, server) = tokio::io::duplex(1024);
        let served = {
            let hub = hub.clone();
            tokio::spawn(async move { serve(server, &hub, &dps, |_| {}).await })
        };
        settled(&mut device, &hub).await;
        let text = "x".repeat(4000);
        let body = serde_json::json!({"properties": {"desired": {"a": text}}});
        let patch = TwinPatch::from_json(&body).unwrap();
        for _ in 0..OUTPUT_LIMIT / text.len() + 1 {
            hub.patch_twin("t-1", patch.clone(), None).unwrap();
        }
        assert_eq!(served.await.unwrap(), Close::NotReading);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_or_half_a_word_is_dropped() {
        for first in [&b""[..], &[0x10, 100, 0, 4]] {
            let (hub, dps) = services();
            let (mut device, server) = tokio::io::duplex(1024);
            device.write_all(first).await.unwrap();
            assert_eq!(serve(server, &hub, &dps, |_| {}).await, Close::NoConnect);
        }
    }

    #[tokio::test]
    async fn a_client_that_asks_for_no_keep_alive_has_azures_longest() {
        let (hub, dps) = services();
        let (mut device, server) = tokio::io::duplex(1024);
        let served = {
            let hub = hub.clone();
            tokio::spawn(async move { serve(server, &hub, &dps, |_| {}).await })
        };
        settled(&mut device, &hub).await;
        let start = Instant::now();
        assert_eq!(served.await.unwrap(), Close::KeepAlive);
        let lasted = start.elapsed().as_secs();
        let farewell = FAREWELL.as_secs();
        // The last packet came some moments before.
        assert!((1764..=1765 + farewell).contains(&lasted), "{lasted} s");
    }
}
