//! Links that sign in to the console once. They end with the cloud.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{grant::Grant, secret::Secret};

/// The lifetime of a link.
pub const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// The largest number of valid links; the oldest are dropped.
const MAX_LINKS: usize = 16;

#[derive(Default)]
pub(super) struct SignInLinks {
    links: Mutex<VecDeque<SignInLink>>,
}

struct SignInLink {
    token: Secret,
    issued: Instant,
    grant: Grant,
}

impl SignInLinks {
    /// Issues a link for a session with this grant. Returns its token.
    pub(super) fn issue(&self, grant: Grant, now: Instant) -> Secret {
        let token = Secret::generate();
        let mut links = self.links();
        links.push_back(SignInLink {
            token,
            issued: now,
            grant,
        });
        while links.len() > MAX_LINKS {
            links.pop_front();
        }
        token
    }

    /// Returns the grant of the valid link with this token, and invalidates the link.
    pub(super) fn redeem(&self, token: &str, now: Instant) -> Option<Grant> {
        let mut links = self.links();
        links.retain(|link| now.duration_since(link.issued) < LINK_LIFETIME);
        let index = links.iter().position(|link| link.token.matches(token));
        Some(links.remove(index?)?.grant)
    }

    fn links(&self) -> MutexGuard<'_, VecDeque<SignInLink>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Policies;

    fn issue(links: &SignInLinks, now: Instant) -> Secret {
        links.issue(Grant::of_owner(&Policies::generate()), now)
    }

    #[test]
    fn a_link_counts_once() {
        let (links, now) = (SignInLinks::default(), Instant::now());
        let token = issue(&links, now).to_string();
        assert!(links.redeem(&token, now).is_some());
        assert!(links.redeem(&token, now).is_none());
    }

    #[test]
    fn a_link_counts_for_ten_minutes() {
        let (links, now) = (SignInLinks::default(), Instant::now());
        let [early, late] = [(); 2].map(|()| issue(&links, now).to_string());
        let moment = Duration::from_millis(1);
        assert!(links.redeem(&early, now + LINK_LIFETIME - moment).is_some());
        assert!(links.redeem(&late, now + LINK_LIFETIME).is_none());
    }

    #[test]
    fn nothing_else_signs_in() {
        let (links, now) = (SignInLinks::default(), Instant::now());
        let token = issue(&links, now).to_string();
        for wrong in [
            "",
            "0",
            &token[1..],
            &format!("{token}0"),
            &token.to_uppercase(),
        ] {
            // A token that is all digits is its own upper case.
            let is_right = wrong == token;
            assert!(is_right || links.redeem(wrong, now).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_oldest_links_give_way() {
        let (links, now) = (SignInLinks::default(), Instant::now());
        let tokens: Vec<_> = (0..=MAX_LINKS)
            .map(|_| issue(&links, now).to_string())
            .collect();
        assert!(links.redeem(&tokens[0], now).is_none());
        assert!(links.redeem(&tokens[1], now).is_some());
    }
}
