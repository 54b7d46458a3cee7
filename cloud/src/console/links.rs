//! Links that sign in to the console, once. They end with the cloud.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::secret::Secret;

/// How long a link counts.
pub const LINK_LIFE: Duration = Duration::from_secs(10 * 60);
/// So many of the newest count.
const LIMIT: usize = 16;

#[derive(Default)]
pub(super) struct Links {
    links: Mutex<VecDeque<Link>>,
}

struct Link {
    token: Secret,
    made: Instant,
}

impl Links {
    /// The token of a new link.
    pub(super) fn invite(&self, now: Instant) -> Secret {
        let token = Secret::generate();
        let mut links = self.links();
        links.push_back(Link { token, made: now });
        while links.len() > LIMIT {
            links.pop_front();
        }
        token
    }

    /// Whether `token` is of a link that still counts. It does not count again.
    pub(super) fn redeem(&self, token: &str, now: Instant) -> bool {
        let mut links = self.links();
        links.retain(|link| now.duration_since(link.made) < LINK_LIFE);
        let place = links.iter().position(|link| link.token.is(token));
        place.and_then(|place| links.remove(place)).is_some()
    }

    fn links(&self) -> MutexGuard<'_, VecDeque<Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_counts_once() {
        let (links, now) = (Links::default(), Instant::now());
        let token = links.invite(now).to_string();
        assert!(links.redeem(&token, now));
        assert!(!links.redeem(&token, now));
    }

    #[test]
    fn a_link_counts_for_ten_minutes() {
        let (links, now) = (Links::default(), Instant::now());
        let [early, late] = [(); 2].map(|()| links.invite(now).to_string());
        let moment = Duration::from_millis(1);
        assert!(links.redeem(&early, now + LINK_LIFE - moment));
        assert!(!links.redeem(&late, now + LINK_LIFE));
    }

    #[test]
    fn nothing_else_signs_in() {
        let (links, now) = (Links::default(), Instant::now());
        let token = links.invite(now).to_string();
        for wrong in [
            "",
            "0",
            &token[1..],
            &format!("{token}0"),
            &token.to_uppercase(),
        ] {
            // A token that is all digits is its own upper case.
            let is_right = wrong == token;
            assert!(is_right || !links.redeem(wrong, now), "{wrong}");
        }
    }

    #[test]
    fn the_oldest_links_give_way() {
        let (links, now) = (Links::default(), Instant::now());
        let tokens: Vec<_> = (0..=LIMIT).map(|_| links.invite(now).to_string()).collect();
        assert!(!links.redeem(&tokens[0], now));
        assert!(links.redeem(&tokens[1], now));
    }
}
