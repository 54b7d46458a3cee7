//! Who has signed in to the console. The store keeps it, so that an open page goes on when the cloud is started again.
//!
//! What is kept of a session is the SHA-256 of its token: whoever reads the store cannot enter with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::secret::Secret;
use crate::store::{Content, Row, Store, StoreError};

/// A session ends when nothing has been asked in it for so long.
const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// So many there are at most: a further one takes the place of the one that was used least lately.
const LIMIT: usize = 64;
/// The last use is written down so often at most. A page asks every few seconds, and a life is long.
const NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Sessions {
    store: Store,
    /// By the hash of the token. Nobody can choose a hash, so the time a look-up takes tells nothing of a token.
    known: Mutex<BTreeMap<String, Session>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Session {
    hash: String,
    created: Timestamp,
    /// The last use, at most [`NOTED_EVERY`] out of date.
    used: Timestamp,
}

impl Sessions {
    /// The sessions this store has kept.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(store: Store) -> Result<Self, StoreError> {
        let mut known = BTreeMap::new();
        for document in store.sessions()? {
            let session: Session =
                serde_json::from_str(&document).map_err(|error| store.damaged(error))?;
            known.insert(session.hash.clone(), session);
        }
        Ok(Self {
            store,
            known: Mutex::new(known),
        })
    }

    /// The token of a new session. It is kept when [`Sessions::settled`] says so.
    pub(super) fn begin(&self, now: Timestamp) -> Secret {
        let token = Secret::generate();
        let session = Session {
            hash: hash(&token.to_string()),
            created: now,
            used: now,
        };
        let mut known = self.known();
        let ended = known.values().filter(|session| !session.counts(now));
        let mut ended: Vec<_> = ended.cloned().collect();
        if known.len() - ended.len() >= LIMIT {
            let counting = known.values().filter(|session| session.counts(now));
            ended.extend(counting.min_by_key(|session| session.used).cloned());
        }
        for session in ended {
            known.remove(&session.hash);
            self.store.remove(Row::Session(session.hash));
        }
        session.keep(&self.store);
        known.insert(session.hash.clone(), session);
        token
    }

    /// Whether this is the token of a session that counts, which is used with it now.
    pub(super) fn admits(&self, token: &str, now: Timestamp) -> bool {
        let mut known = self.known();
        let Some(session) = known.get_mut(&hash(token)) else {
            return false;
        };
        if !session.counts(now) {
            return false;
        }
        if now.duration_since(session.used) >= NOTED_EVERY {
            session.used = now;
            session.keep(&self.store);
        }
        true
    }

    /// Waits until what has begun is kept.
    pub(super) async fn settled(&self) {
        self.store.settled().await;
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn counts(&self, now: Timestamp) -> bool {
        now.duration_since(self.used) < LIFE
    }

    fn keep(&self, store: &Store) {
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
    use crate::store::{Place, Retention};

    const MOMENT: SignedDuration = SignedDuration::from_millis(1);

    fn opened(place: &Place) -> Sessions {
        let keep = Retention {
            age: std::time::Duration::MAX,
            bytes: u64::MAX,
        };
        Sessions::open(Store::open(place, keep).unwrap()).unwrap()
    }

    fn file(dir: &TempDir) -> Place {
        Place::File(dir.path().join("cloud.db"))
    }

    #[tokio::test]
    async fn a_session_goes_on_when_the_cloud_is_started_again() {
        let dir = TempDir::new().unwrap();
        let now = Timestamp::now();
        let sessions = opened(&file(&dir));
        let token = sessions.begin(now).to_string();
        sessions.store.close().await;
        let sessions = opened(&file(&dir));
        assert!(sessions.admits(&token, now));
        assert!(!sessions.admits(&hash(&token), now), "what is kept");
        assert!(!sessions.admits("", now));
    }

    #[tokio::test]
    async fn what_is_kept_does_not_hold_the_token() {
        let dir = TempDir::new().unwrap();
        let sessions = opened(&file(&dir));
        let token = sessions.begin(Timestamp::now()).to_string();
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
        let token = sessions.begin(now).to_string();
        for _ in 0..3 {
            now += LIFE - MOMENT;
            assert!(sessions.admits(&token, now), "it is used each time");
        }
        sessions.store.close().await;
        let sessions = opened(&file(&dir));
        assert!(sessions.admits(&token, now), "the last use is kept");
        assert!(!sessions.admits(&token, now + LIFE));
    }

    #[tokio::test]
    async fn a_use_is_not_written_each_time() {
        let now = Timestamp::now();
        let sessions = opened(&Place::Memory);
        let token = sessions.begin(now).to_string();
        let before = sessions.store.position();
        assert!(sessions.admits(&token, now + NOTED_EVERY - MOMENT));
        assert_eq!(sessions.store.position(), before);
        assert!(sessions.admits(&token, now + NOTED_EVERY));
        assert_eq!(sessions.store.position(), before + 1);
    }

    #[tokio::test]
    async fn those_that_were_used_least_lately_give_way() {
        let dir = TempDir::new().unwrap();
        let now = Timestamp::now();
        let sessions = opened(&file(&dir));
        let tokens: Vec<_> = (0..LIMIT)
            .map(|_| sessions.begin(now).to_string())
            .collect();
        let later = now + NOTED_EVERY;
        for token in &tokens[1..] {
            assert!(sessions.admits(token, later));
        }
        let newest = sessions.begin(later).to_string();
        sessions.settled().await;
        assert!(!sessions.admits(&tokens[0], later));
        assert!(sessions.admits(&tokens[1], later) && sessions.admits(&newest, later));
        assert_eq!(sessions.store.sessions().unwrap().len(), LIMIT);
        let last = sessions.begin(later + LIFE).to_string();
        sessions.settled().await;
        assert_eq!(sessions.store.sessions().unwrap().len(), 1);
        assert!(sessions.admits(&last, later + LIFE));
    }
}
