use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::store::{Retention, StoreLocation};

const MOMENT: SignedDuration = SignedDuration::from_millis(1);

/// A cloud's policies, and a browser that has signed in.
struct Owner {
    policies: Policies,
}

struct Browser {
    cookie: String,
    key: String,
}

impl Owner {
    fn new() -> Self {
        Self {
            policies: Policies::generate(),
        }
    }

    fn open(&self, location: &StoreLocation) -> Sessions {
        let retention = Retention {
            age: std::time::Duration::MAX,
            bytes: u64::MAX,
        };
        Sessions::open(Store::open(location, retention).unwrap(), &self.policies).unwrap()
    }

    fn sign_in(&self, sessions: &Sessions, now: Timestamp) -> Browser {
        Browser::with(sessions, Grant::of_owner(&self.policies), now)
    }
}

impl Browser {
    fn with(sessions: &Sessions, grant: Grant, now: Timestamp) -> Self {
        let secrets = sessions.create(grant, now);
        Self {
            cookie: secrets.cookie.to_string(),
            key: secrets.key.to_string(),
        }
    }

    fn session(&self, sessions: &Sessions, now: Timestamp) -> Option<SessionHandle> {
        sessions.authenticate(&self.cookie, &self.key, now)
    }

    fn is_in(&self, sessions: &Sessions, now: Timestamp) -> bool {
        self.session(sessions, now).is_some()
    }
}

fn file(dir: &TempDir) -> StoreLocation {
    StoreLocation::File(dir.path().join("cloud.db"))
}

#[tokio::test]
async fn a_session_goes_on_when_the_cloud_is_started_again() {
    let (dir, owner, now) = (TempDir::new().unwrap(), Owner::new(), Timestamp::now());
    let sessions = owner.open(&file(&dir));
    let browser = owner.sign_in(&sessions, now);
    sessions.store.close().await;
    let sessions = owner.open(&file(&dir));
    assert!(browser.is_in(&sessions, now));
    let kept = [&browser.cookie, &browser.key].map(|secret| sha256(secret));
    assert!(sessions.authenticate(&kept[0], &kept[1], now).is_none());
    assert!(sessions.authenticate("", "", now).is_none());
}

#[tokio::test]
async fn neither_the_cookie_nor_the_key_alone_is_a_session() {
    let (owner, now) = (Owner::new(), Timestamp::now());
    let sessions = owner.open(&StoreLocation::Memory);
    let [one, other] = [(); 2].map(|()| owner.sign_in(&sessions, now));
    for (cookie, key) in [
        (&one.cookie, ""),
        (&one.cookie, &*other.key),
        (&one.cookie, &*one.cookie),
        (&one.key, &*one.key),
    ] {
        assert!(sessions.authenticate(cookie, key, now).is_none());
    }
    assert!(one.is_in(&sessions, now) && other.is_in(&sessions, now));
}

#[tokio::test]
async fn what_is_kept_does_not_hold_the_secrets() {
    let (dir, owner) = (TempDir::new().unwrap(), Owner::new());
    let sessions = owner.open(&file(&dir));
    let browser = owner.sign_in(&sessions, Timestamp::now());
    sessions.store.close().await;
    let holds = |path: &Path, secret: &str| {
        let bytes = std::fs::read(path).unwrap();
        bytes
            .windows(secret.len())
            .any(|at| at == secret.as_bytes())
    };
    let policy_key = &owner.policies.keys("iothubowner").unwrap().primary_key;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        for secret in [&browser.cookie, &browser.key, policy_key] {
            assert!(!holds(&path, secret), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_its_last_use() {
    let (dir, owner, mut now) = (TempDir::new().unwrap(), Owner::new(), Timestamp::now());
    let sessions = owner.open(&file(&dir));
    let browser = owner.sign_in(&sessions, now);
    for _ in 0..3 {
        now += SESSION_LIFETIME - MOMENT;
        assert!(browser.is_in(&sessions, now), "it is used each time");
    }
    sessions.store.close().await;
    let sessions = owner.open(&file(&dir));
    assert!(browser.is_in(&sessions, now), "the last use is kept");
    assert!(!browser.is_in(&sessions, now + SESSION_LIFETIME));
}

#[tokio::test]
async fn a_session_ends_with_the_token_and_the_key_it_was_granted_for() {
    let (dir, owner, now) = (TempDir::new().unwrap(), Owner::new(), Timestamp::now());
    let sessions = owner.open(&file(&dir));
    let key = &owner.policies.keys("iothubowner").unwrap().secondary_key;
    let expiry = now + SignedDuration::from_secs(3);
    let by_token = Browser::with(&sessions, Grant::of_token(key, expiry), now);
    let by_key = owner.sign_in(&sessions, now);
    assert!(by_token.is_in(&sessions, expiry - MOMENT));
    assert!(!by_token.is_in(&sessions, expiry));
    assert!(by_key.is_in(&sessions, expiry));
    sessions.store.close().await;
    let sessions = Owner::new().open(&file(&dir));
    for browser in [&by_token, &by_key] {
        assert!(!browser.is_in(&sessions, now), "the keys are others");
    }
    sessions.store.close().await;
    let sessions = owner.open(&file(&dir));
    assert!(!by_key.is_in(&sessions, now), "it does not come back");
}

#[tokio::test(start_paused = true)]
async fn a_response_in_progress_learns_of_the_end_of_its_session() {
    let (owner, now) = (Owner::new(), Timestamp::now());
    let sessions = owner.open(&StoreLocation::Memory);
    let [signed_out, revoked] = [(); 2].map(|()| owner.sign_in(&sessions, now));
    let grant = Grant::of_token("key", now + SignedDuration::from_secs(3));
    let expired = Browser::with(&sessions, grant, now);
    let handles = [&expired, &signed_out, &revoked].map(|browser| browser.session(&sessions, now));
    let [expired, signed_out, revoked] = handles.map(Option::unwrap);
    let started = tokio::time::Instant::now();
    expired.ended(now).await;
    assert_eq!(started.elapsed(), std::time::Duration::from_secs(3));
    sessions.end(&signed_out);
    signed_out.ended(now).await;
    assert_eq!(sessions.end_all(), 2);
    revoked.ended(now).await;
}

#[tokio::test]
async fn a_use_is_not_written_each_time() {
    let (owner, now) = (Owner::new(), Timestamp::now());
    let sessions = owner.open(&StoreLocation::Memory);
    let browser = owner.sign_in(&sessions, now);
    let before = sessions.store.position();
    assert!(browser.is_in(&sessions, now + USE_WRITE_INTERVAL - MOMENT));
    assert_eq!(sessions.store.position(), before);
    assert!(browser.is_in(&sessions, now + USE_WRITE_INTERVAL));
    assert_eq!(sessions.store.position(), before + 1);
}

#[tokio::test]
async fn those_that_were_used_least_lately_give_way() {
    let (dir, owner, now) = (TempDir::new().unwrap(), Owner::new(), Timestamp::now());
    let sessions = owner.open(&file(&dir));
    let browsers: Vec<_> = (0..MAX_SESSIONS)
        .map(|_| owner.sign_in(&sessions, now))
        .collect();
    let later = now + USE_WRITE_INTERVAL;
    for browser in &browsers[1..] {
        assert!(browser.is_in(&sessions, later));
    }
    let newest = owner.sign_in(&sessions, later);
    sessions.flush().await;
    assert!(!browsers[0].is_in(&sessions, later));
    assert!(browsers[1].is_in(&sessions, later) && newest.is_in(&sessions, later));
    assert_eq!(sessions.store.sessions().unwrap().len(), MAX_SESSIONS);
    let last = owner.sign_in(&sessions, later + SESSION_LIFETIME);
    sessions.flush().await;
    assert_eq!(sessions.store.sessions().unwrap().len(), 1);
    assert!(last.is_in(&sessions, later + SESSION_LIFETIME));
}
