//! Sessions of the console. They are persisted, so that an open page continues when the cloud restarts.
//!
//! The store holds the SHA-256 of the token, with which nobody can sign in.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::secret::Secret;
use crate::store::{Content, Row, Store, StoreError};

/// The idle time after which a session ends.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The largest number of sessions. A new one replaces the least recently used.
const MAX_SESSIONS: usize = 64;
/// The shortest time between writes of the last use: the console sends requests every few seconds.
const USE_WRITE_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Sessions {
    store: Store,
    /// Sessions by the hash of the token. A hash cannot be chosen, so the time of a look-up reveals nothing about a token.
    sessions: Mutex<BTreeMap<String, ConsoleSession>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct ConsoleSession {
    hash: String,
    created: Timestamp,
    /// Time of the last use, at most [`USE_WRITE_INTERVAL`] out of date.
    used: Timestamp,
}

impl Sessions {
    /// Reads the sessions from the store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(store: Store) -> Result<Self, StoreError> {
        let mut sessions = BTreeMap::new();
        for document in store.sessions()? {
            let session: ConsoleSession =
                serde_json::from_str(&document).map_err(|error| store.corrupt(error))?;
            sessions.insert(session.hash.clone(), session);
        }
        Ok(Self {
            store,
            sessions: Mutex::new(sessions),
        })
    }

    /// Creates a session. Returns its token. It is persisted after [`Sessions::flush`].
    pub(super) fn create(&self, now: Timestamp) -> Secret {
        let token = Secret::generate();
        let session = ConsoleSession {
            hash: hash(&token.to_string()),
            created: now,
            used: now,
        };
        let mut sessions = self.lock();
        let ended = sessions.values().filter(|session| !session.is_valid(now));
        let mut ended: Vec<_> = ended.cloned().collect();
        if sessions.len() - ended.len() >= MAX_SESSIONS {
            let valid = sessions.values().filter(|session| session.is_valid(now));
            ended.extend(valid.min_by_key(|session| session.used).cloned());
        }
        for session in ended {
            sessions.remove(&session.hash);
            self.store.remove(Row::Session(session.hash));
        }
        session.persist(&self.store);
        sessions.insert(session.hash.clone(), session);
        token
    }

    /// Returns true if `token` is that of a valid session, and records the use.
    pub(super) fn authenticate(&self, token: &str, now: Timestamp) -> bool {
        let mut sessions = self.lock();
        let Some(session) = sessions.get_mut(&hash(token)) else {
            return false;
        };
        if !session.is_valid(now) {
            return false;
        }
        if now.duration_since(session.used) >= USE_WRITE_INTERVAL {
            session.used = now;
            session.persist(&self.store);
        }
        true
    }

    /// Waits until created sessions are persisted, unless the database cannot be written: they end with the process then.
    pub(super) async fn flush(&self) {
        let _ = self.store.flush().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ConsoleSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConsoleSession {
    fn is_valid(&self, now: Timestamp) -> bool {
        now.duration_since(self.used) < SESSION_LIFETIME
    }

    fn persist(&self, store: &Store) {
        store.put(Row::Session(self.hash.clone()), Content::json(self));
    }
}

fn hash(token: &str) -> String {
    let hash = Sha256::digest(token);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::store::{Retention, StoreLocation};

    const MOMENT: SignedDuration = SignedDuration::from_millis(1);

    fn opened(location: &StoreLocation) -> Sessions {
        let retention = Retention {
            age: std::time::Duration::MAX,
            bytes: u64::MAX,
        };
        Sessions::open(Store::open(location, retention).unwrap()).unwrap()
    }

    fn file(dir: &TempDir) -> StoreLocation {
        StoreLocation::File(dir.path().join("cloud.db"))
    }

    #[tokio::test]
    async fn a_session_goes_on_when_the_cloud_is_started_again() {
        let dir = TempDir::new().unwrap();
        let now = Timestamp::now();
        let sessions = opened(&file(&dir));
        let token = sessions.create(now).to_string();
        sessions.store.close().await;
        let sessions = opened(&file(&dir));
        assert!(sessions.authenticate(&token, now));
        assert!(!sessions.authenticate(&hash(&token), now), "what is kept");
        assert!(!sessions.authenticate("", now));
    }

    #[tokio::test]
    async fn what_is_kept_does_not_hold_the_token() {
        let dir = TempDir::new().unwrap();
        let sessions = opened(&file(&dir));
        let token = sessions.create(Timestamp::now()).to_string();
        sessions.store.close().await;
        let holds = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(token.len()).any(|at| at == token.as_bytes())
        };
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            assert!(!holds(&path), "{}", path.display());
        }
    }

    #[tokio::test]
    async fn a_session_ends_thirty_days_after_its_last_use() {
        let dir = TempDir::new().unwrap();
        let mut now = Timestamp::now();
        let sessions = opened(&file(&dir));
        let token = sessions.create(now).to_string();
        for _ in 0..3 {
            now += SESSION_LIFETIME - MOMENT;
            assert!(sessions.authenticate(&token, now), "it is used each time");
        }
        sessions.store.close().await;
        let sessions = opened(&file(&dir));
        assert!(sessions.authenticate(&token, now), "the last use is kept");
        assert!(!sessions.authenticate(&token, now + SESSION_LIFETIME));
    }

    #[tokio::test]
    async fn a_use_is_not_written_each_time() {
        let now = Timestamp::now();
        let sessions = opened(&StoreLocation::Memory);
        let token = sessions.create(now).to_string();
        let before = sessions.store.position();
        assert!(sessions.authenticate(&token, now + USE_WRITE_INTERVAL - MOMENT));
        assert_eq!(sessions.store.position(), before);
        assert!(sessions.authenticate(&token, now + USE_WRITE_INTERVAL));
        assert_eq!(sessions.store.position(), before + 1);
    }

    #[tokio::test]
    async fn those_that_were_used_least_lately_give_way() {
        let dir = TempDir::new().unwrap();
        let now = Timestamp::now();
        let sessions = opened(&file(&dir));
        let tokens: Vec<_> = (0..MAX_SESSIONS)
            .map(|_| sessions.create(now).to_string())
            .collect();
        let later = now + USE_WRITE_INTERVAL;
        for token in &tokens[1..] {
            assert!(sessions.authenticate(token, later));
        }
        let newest = sessions.create(later).to_string();
        sessions.flush().await;
        assert!(!sessions.authenticate(&tokens[0], later));
        assert!(sessions.authenticate(&tokens[1], later) && sessions.authenticate(&newest, later));
        assert_eq!(sessions.store.sessions().unwrap().len(), MAX_SESSIONS);
        let last = sessions.create(later + SESSION_LIFETIME).to_string();
        sessions.flush().await;
        assert_eq!(sessions.store.sessions().unwrap().len(), 1);
        assert!(sessions.authenticate(&last, later + SESSION_LIFETIME));
    }
}
