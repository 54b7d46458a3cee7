//! The addresses of a host name, tried as "Happy Eyeballs Version 2" (RFC 8305) says: one that swallows packets delays the
//! next by a quarter of a second.

use std::{io, net::SocketAddr, time::Duration};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{select, time::sleep};

/// The Connection Attempt Delay of RFC 8305, section 5.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Orders addresses so that families alternate, beginning with the first; `last` goes to the end.
pub(super) fn interleave(
    addresses: impl IntoIterator<Item = SocketAddr>,
    last: Option<SocketAddr>,
) -> Vec<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let is_first_v6 = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (mut firsts, mut seconds) = (0, 0);
    let mut ranked: Vec<_> = addresses
        .map(|address| {
            let is_second_family = address.is_ipv6() != is_first_v6;
            let rank = match is_second_family {
                false => &mut firsts,
                true => &mut seconds,
            };
            *rank += 1;
            let rank = (last == Some(address), *rank, is_second_family);
            (rank, address)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, address)| address).collect()
}

/// Dials the addresses in this order, the next one after [`ATTEMPT_DELAY`], or at once when one fails. Returns the first
/// connection, and closes the others.
///
/// # Errors
/// All addresses failed: each with its error.
pub(super) async fn race<C, F: Future<Output = io::Result<C>>>(
    addresses: &[SocketAddr],
    dial: impl Fn(SocketAddr) -> F,
) -> Result<(SocketAddr, C), Vec<(SocketAddr, io::Error)>> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(dial(address).map(move |result| (address, result)));
        }
        let is_last = waiting.len() == 0;
        select! {
            biased;
            attempt = attempts.next() => match attempt {
                Some((address, Ok(connection))) => return Ok((address, connection)),
                Some((address, Err(error))) => failures.push((address, error)),
                None => return Err(failures),
            },
            () = sleep(ATTEMPT_DELAY), if !is_last => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use tokio::time::Instant;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        format!("{text}:1").parse().unwrap()
    }

    fn addresses<const N: usize>(texts: [&str; N]) -> Vec<SocketAddr> {
        texts.map(address).to_vec()
    }

    /// The reaction of an address.
    #[derive(Clone, Copy)]
    enum Peer {
        Accepts(u64),
        Refuses(u64),
        Swallows,
    }

    /// An open connection, counted.
    struct Open(Arc<AtomicUsize>);

    impl Drop for Open {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// The result of a race, the milliseconds at which each address was dialed, and the number of connections open.
    struct Raced {
        result: Result<(SocketAddr, Open), Vec<(SocketAddr, io::Error)>>,
        dialed: Vec<u128>,
        took: u128,
        open: Arc<AtomicUsize>,
    }

    /// Races peers, the first of which has the address 10.0.0.1; times are in milliseconds.
    async fn raced(peers: &[Peer]) -> Raced {
        let begun = Instant::now();
        let (dialed, open) = (Mutex::new(vec![]), Arc::new(AtomicUsize::new(0)));
        let numbered: Vec<_> = (1..=peers.len())
            .map(|number| address(&format!("10.0.0.{number}")))
            .collect();
        let result = race(&numbered, |address| {
            dialed.lock().unwrap().push(begun.elapsed().as_millis());
            let index = numbered.iter().position(|other| *other == address);
            let (peer, open) = (peers[index.unwrap()], open.clone());
            async move {
                match peer {
                    Peer::Accepts(after) => {
                        sleep(Duration::from_millis(after)).await;
                        open.fetch_add(1, Ordering::SeqCst);
                        Ok(Open(open))
                    }
                    Peer::Refuses(after) => {
                        sleep(Duration::from_millis(after)).await;
                        Err(io::ErrorKind::ConnectionRefused.into())
                    }
                    Peer::Swallows => pending().await,
                }
            }
        })
        .await;
        Raced {
            result,
            dialed: dialed.into_inner().unwrap(),
            took: begun.elapsed().as_millis(),
            open,
        }
    }

    #[test]
    fn families_alternate_beginning_with_that_of_the_first_address() {
        let mixed = addresses(["[::1]", "[::2]", "[::3]", "10.0.0.1", "10.0.0.2"]);
        assert_eq!(
            interleave(mixed.clone(), None),
            addresses(["[::1]", "10.0.0.1", "[::2]", "10.0.0.2", "[::3]"])
        );
        assert_eq!(
            interleave(mixed, Some(address("[::1]"))),
            addresses(["10.0.0.1", "[::2]", "10.0.0.2", "[::3]", "[::1]"])
        );
        let one_family = addresses(["10.0.0.1", "10.0.0.2"]);
        assert_eq!(interleave(one_family.clone(), None), one_family);
        assert_eq!(interleave([], None), []);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_swallows_packets_delays_the_next_by_a_quarter_of_a_second() {
        let raced = raced(&[Peer::Swallows, Peer::Swallows, Peer::Accepts(10)]).await;
        assert_eq!(raced.result.unwrap().0, address("10.0.0.3"));
        assert_eq!((raced.dialed, raced.took), (vec![0, 250, 500], 510));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_refuses_is_followed_by_the_next_at_once() {
        let raced = raced(&[Peer::Refuses(1), Peer::Refuses(1), Peer::Accepts(1)]).await;
        assert_eq!(raced.result.unwrap().0, address("10.0.0.3"));
        assert_eq!(raced.dialed, [0, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_answers_in_time_is_the_only_one_dialed() {
        let raced = raced(&[Peer::Accepts(249), Peer::Accepts(0)]).await;
        assert_eq!(raced.result.unwrap().0, address("10.0.0.1"));
        assert_eq!(raced.dialed, [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_address_may_still_be_the_first_and_only_one_connection_is_left() {
        let raced = raced(&[Peer::Accepts(300), Peer::Accepts(50), Peer::Accepts(0)]).await;
        let (winner, connection) = raced.result.unwrap();
        assert_eq!((winner, raced.took), (address("10.0.0.1"), 300));
        assert_eq!(raced.open.load(Ordering::SeqCst), 1);
        drop(connection);
    }

    #[tokio::test(start_paused = true)]
    async fn all_addresses_fail_each_with_its_error() {
        let raced = raced(&[Peer::Refuses(600), Peer::Refuses(0)]).await;
        let failed: Vec<_> = raced.result.err().unwrap();
        let failed: Vec<_> = failed.iter().map(|(address, _)| *address).collect();
        assert_eq!(failed, addresses(["10.0.0.2", "10.0.0.1"]));
        assert_eq!(raced.took, 600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_race_that_is_given_up_closes_what_it_has_begun() {
        let open = Arc::new(AtomicUsize::new(0));
        let counted = open.clone();
        let targets = addresses(["10.0.0.1", "10.0.0.2"]);
        let racing = race(&targets, |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let open = Open(counted.clone());
            async move {
                pending::<()>().await;
                Ok(open)
            }
        });
        let given_up = tokio::time::timeout(Duration::from_secs(30), racing).await;
        assert!(given_up.is_err());
        assert_eq!(open.load(Ordering::SeqCst), 0);
    }
}
