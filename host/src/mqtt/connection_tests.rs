use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::FutureExt;
use proptest::prelude::*;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    time::advance,
};

use super::*;

const KEEP_ALIVE: Duration = Duration::from_secs(60);
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const PINGREQ: [u8; 2] = [0xc0, 0];
const PINGRESP: [u8; 2] = [0xd0, 0];

/// A connection and its server, between which so many bytes may be under way in each direction.
fn connected(capacity: usize) -> (Connection, DuplexStream) {
    let (client, server) = duplex(capacity);
    let connection = Connection::new(PacketStream::new(client), KEEP_ALIVE, SEND_TIMEOUT);
    (connection, server)
}

fn publish(link: &mut Connection, number: u64) {
    let delivery = Delivery::AtLeastOnce(number);
    link.publish("t".to_owned(), Bytes::from_static(b"body"), delivery)
        .unwrap();
}

/// A method request with this number, at QoS 0.
fn request(number: usize) -> Vec<u8> {
    let topic = format!("$iothub/methods/POST/m/?$rid={number:05}");
    let length = u8::try_from(topic.len()).unwrap();
    [&[0x30, 2 + length, 0, length], topic.as_bytes()].concat()
}

/// Answers requests until an error; returns it with the number of requests.
async fn answer_all(link: &mut Connection) -> (usize, LinkError) {
    let mut count = 0;
    loop {
        match link.next().await {
            Ok(Incoming::Message { topic, .. }) => {
                count += 1;
                let number = topic.rsplit('=').next().unwrap();
                let topic = format!("$iothub/methods/res/429/?$rid={number}");
                let body = Bytes::from_static(b"{\"error\":\"too many pending commands\"}");
                link.publish(topic, body, Delivery::AtMostOnce).unwrap();
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (count, error),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_for_two_pings_is_left() {
    let (mut link, mut server) = connected(1000);
    let begun = Instant::now();
    let error = link.next().await.unwrap_err();
    assert!(matches!(error, LinkError::KeepAliveTimeout(_)), "{error:?}");
    assert_eq!(begun.elapsed().as_secs(), 2 * KEEP_ALIVE.as_secs());
    drop(link);
    let mut sent = Vec::new();
    server.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent, PINGREQ);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_pings_or_sends_anything_else_is_kept() {
    let (mut link, mut server) = connected(1000);
    let serving = async {
        for answer in [&PINGRESP[..], &[0x30], &[3, 0, 1, b't'], &PINGRESP] {
            let mut ping = [0; 2];
            server.read_exact(&mut ping).await.unwrap();
            assert_eq!(ping, PINGREQ);
            server.write_all(answer).await.unwrap();
        }
        Instant::now()
    };
    let begun = Instant::now();
    let received = async {
        assert!(matches!(link.next().await, Ok(Incoming::Message { .. })));
        link.next().await.unwrap_err()
    };
    let (last_answer, error) = tokio::join!(serving, received);
    assert!(matches!(error, LinkError::KeepAliveTimeout(_)), "{error:?}");
    assert_eq!(last_answer - begun, 4 * KEEP_ALIVE);
    assert_eq!(begun.elapsed(), 6 * KEEP_ALIVE);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_is_left_and_its_replies_are_bounded() {
    let (mut link, mut server) = connected(4000);
    let begun = Instant::now();
    let sending = async {
        for number in 0.. {
            if server.write_all(&request(number)).await.is_err() {
                return number;
            }
        }
        0
    };
    let answering = async {
        let (count, error) = answer_all(&mut link).await;
        let unsent = link.packets.unsent();
        drop(link);
        (count, error, unsent)
    };
    let (_, (count, error, unsent)) = tokio::join!(sending, answering);
    assert!(
        matches!(&error, LinkError::KeepAliveTimeout(why) if why.contains("no data could be sent"))
    );
    assert_eq!(begun.elapsed(), SEND_TIMEOUT);
    assert!(count > 1000, "{count}");
    assert!(unsent <= MAX_UNSENT + 1000, "{unsent}");
}

#[tokio::test]
async fn a_burst_of_requests_is_answered_whole_by_a_server_that_reads_late_and_slowly() {
    const REQUESTS: usize = 5000;
    let (mut link, mut server) = connected(64 * 1024);
    let serving = async {
        for number in 0..REQUESTS {
            server.write_all(&request(number)).await.unwrap();
        }
        for number in 0..REQUESTS {
            let mut head = [0; 4];
            server.read_exact(&mut head).await.unwrap();
            let mut rest = vec![0; usize::from(head[1]) - 2];
            server.read_exact(&mut rest).await.unwrap();
            let topic = String::from_utf8_lossy(&rest[..usize::from(head[3])]).into_owned();
            assert_eq!(topic, format!("$iothub/methods/res/429/?$rid={number:05}"));
        }
        drop(server);
    };
    let (_, (count, error)) = tokio::join!(serving, answer_all(&mut link));
    assert_eq!((count, error), (REQUESTS, LinkError::Closed));
}

#[tokio::test]
async fn acknowledgments_belong_to_the_messages_with_their_packet_ids_in_any_order() {
    let (mut link, mut server) = connected(1000);
    for number in 7..10 {
        publish(&mut link, number);
    }
    assert!(link.next().now_or_never().is_none());
    let mut sent = vec![0; 33];
    server.read_exact(&mut sent).await.unwrap();
    let ids: Vec<_> = sent
        .chunks(11)
        .map(|packet| [packet[5], packet[6]])
        .collect();
    for (index, number) in [(2, 9), (0, 7), (1, 8)] {
        let id = ids[index];
        server
            .write_all(&[&[0x40, 2], &id[..]].concat())
            .await
            .unwrap();
        assert_eq!(link.next().await, Ok(Incoming::Acknowledged(number)));
    }
    // A second acknowledgment of the same message.
    server
        .write_all(&[&[0x40, 2], &ids[0][..]].concat())
        .await
        .unwrap();
    assert!(matches!(link.next().await, Err(LinkError::Protocol(_))));
}

#[tokio::test]
async fn a_packet_id_is_free_again_only_once_it_is_acknowledged() {
    let (mut link, _server) = connected(1000);
    for number in 0..70_000 {
        publish(&mut link, number);
        let id = link.last_packet_id;
        assert_ne!(id, 0);
        // The first message is never acknowledged.
        if number > 0 {
            assert_ne!(id, 1);
            link.pending.remove(&id).unwrap();
        }
        link.packets.output().clear();
    }
    for number in 1..u64::from(u16::MAX) {
        publish(&mut link, number);
        link.packets.output().clear();
    }
    let all = link.publish("t".to_owned(), Bytes::new(), Delivery::AtLeastOnce(0));
    assert!(all.unwrap_err().to_string().contains("packet ids"));
}

/// A stream that counts the writes to it.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[tokio::test]
async fn what_is_handed_over_together_and_the_replies_to_what_came_together_leave_in_one_write() {
    let (client, mut server) = duplex(100_000);
    let writes = Arc::new(AtomicUsize::new(0));
    let counting = Counting(client, writes.clone());
    let mut link = Connection::new(PacketStream::new(counting), KEEP_ALIVE, SEND_TIMEOUT);
    for number in 0..32 {
        publish(&mut link, number);
    }
    assert!(link.next().now_or_never().is_none());
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    let requests: Vec<_> = (0..20).map(request).collect();
    server.write_all(&requests.concat()).await.unwrap();
    assert!(answer_all(&mut link).now_or_never().is_none());
    assert_eq!(writes.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_has_sent_before_it_closed_is_received_although_nothing_can_be_sent() {
    let (mut link, mut server) = connected(1000);
    publish(&mut link, 1);
    assert!(link.next().now_or_never().is_none());
    server.write_all(&[0x40, 2, 0, 1]).await.unwrap();
    drop(server);
    publish(&mut link, 2);
    assert_eq!(link.next().await, Ok(Incoming::Acknowledged(1)));
    // Orderly, because the input says so.
    assert_eq!(link.next().await, Err(LinkError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_waits_two_seconds_for_a_server_that_reads_nothing() {
    let (mut link, _server) = connected(10);
    publish(&mut link, 1);
    let begun = Instant::now();
    link.disconnect().await;
    assert_eq!(begun.elapsed(), DISCONNECT_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stood_still_takes_the_answer_that_came_meanwhile() {
    let (mut link, mut server) = connected(1000);
    advance(KEEP_ALIVE).await;
    assert!(link.next().now_or_never().is_none());
    server.write_all(&PINGRESP).await.unwrap();
    advance(10 * KEEP_ALIVE).await;
    assert!(link.next().now_or_never().is_none());
    let mut pings = [0; 4];
    server.read_exact(&mut pings).await.unwrap();
    assert_eq!(pings, [0xc0, 0, 0xc0, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_a_server_sends_in_whatever_pieces_ends_in_messages_or_an_error(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (any::<u8>(), prop::collection::vec(0..9_u8, 0..12)).prop_map(|(kind, body)| {
                    [vec![kind, u8::try_from(body.len()).unwrap()], body].concat()
                }),
            ],
            0..20,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut link, mut server) = connected(30);
            publish(&mut link, 1);
            link.subscribe(&["a".to_owned(), "b".to_owned()]).unwrap();
            let sending = async {
                for piece in &pieces {
                    if server.write_all(piece).await.is_err() {
                        break;
                    }
                }
                let _ = server.shutdown().await;
                let _ = server.read_to_end(&mut Vec::new()).await;
            };
            let receiving = async {
                let mut count = 0;
                while link.next().await.is_ok() {
                    count += 1;
                }
                drop(link);
                count
            };
            let ((), count) = tokio::join!(sending, receiving);
            assert!(count <= 20 * 20);
        });
    }
}
