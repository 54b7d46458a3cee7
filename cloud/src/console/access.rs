//! Who may use the console: links that sign in once, and the sessions made of them. All of it ends with the cloud.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::secret::Secret;

/// How long a link counts.
pub const LINK_LIFE: Duration = Duration::from_secs(10 * 60);
/// So many of the newest links count.
const LINKS: usize = 16;
/// So many of the newest sessions count.
const SESSIONS: usize = 64;

#[derive(Default)]
pub(super) struct Access {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    links: VecDeque<Link>,
    sessions: VecDeque<Secret>,
}

struct Link {
    token: Secret,
    made: Instant,
}

impl Access {
    /// The token of a new link.
    pub(super) fn invite(&self, now: Instant) -> Secret {
        let token = Secret::generate();
        push(&mut self.state().links, Link { token, made: now }, LINKS);
        token
    }

    /// A new session, if `token` is of a link that still counts. It does not count again.
    pub(super) fn enter(&self, token: &str, now: Instant) -> Option<Secret> {
        let mut state = self.state();
        let counts = |link: &Link| now.duration_since(link.made) < LINK_LIFE;
        state.links.retain(counts);
        let place = state.links.iter().position(|link| link.token.is(token))?;
        state.links.remove(place);
        let session = Secret::generate();
        push(&mut state.sessions, session, SESSIONS);
        Some(session)
    }

    pub(super) fn is_session(&self, text: &str) -> bool {
        let state = self.state();
        state.sessions.iter().any(|session| session.is(text))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The oldest give way.
fn push<T>(kept: &mut VecDeque<T>, item: T, limit: usize) {
    kept.push_back(item);
    while kept.len() > limit {
        kept.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_makes_one_session_and_no_other() {
        let (access, now) = (Access::default(), Instant::now());
        let token = access.invite(now).to_string();
        let session = access.enter(&token, now).unwrap().to_string();
        assert!(access.is_session(&session));
        assert!(!access.is_session(&token));
        assert!(access.enter(&token, now).is_none());
        assert!(access.is_session(&session));
    }

    #[test]
    fn a_link_counts_for_ten_minutes() {
        let (access, now) = (Access::default(), Instant::now());
        let [early, late] = [(); 2].map(|()| access.invite(now).to_string());
        let moment = Duration::from_millis(1);
        assert!(access.enter(&early, now + LINK_LIFE - moment).is_some());
        assert!(access.enter(&late, now + LINK_LIFE).is_none());
    }

    #[test]
    fn nothing_else_signs_in() {
        let (access, now) = (Access::default(), Instant::now());
        let token = access.invite(now).to_string();
        for wrong in [
            "",
            "0",
            &token[1..],
            &format!("{token}0"),
            &token.to_uppercase(),
        ] {
            // A token that is all digits is its own upper case.
            let is_right = wrong == token;
            assert!(is_right || access.enter(wrong, now).is_none(), "{wrong}");
        }
        assert!(!access.is_session(""));
    }

    #[test]
    fn links_and_sessions_take_bounded_space() {
        let (access, now) = (Access::default(), Instant::now());
        let first = access.invite(now).to_string();
        for _ in 0..LINKS {
            access.invite(now);
        }
        assert!(access.enter(&first, now).is_none());
        let sessions = (0..=SESSIONS).map(|_| {
            let token = access.invite(now).to_string();
            access.enter(&token, now).unwrap().to_string()
        });
        let sessions: Vec<_> = sessions.collect();
        assert!(!access.is_session(&sessions[0]));
        assert!(access.is_session(&sessions[1]));
    }
}
