//! Sessions of the console. They are persisted, so that an open page continues when the cloud restarts.
//!
//! A session has two secrets. Browsers send the cookie to every port of this machine, where another user may listen; the key
//! they keep for the console's own pages. Only both together are a session. The store holds the SHA-256 of both, with which
//! nobody can sign in.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    grant::{Grant, sha256},
    secret::Secret,
};
use crate::{
    policies::Policies,
    store::{Content, Row, Store, StoreError},
};

/// The idle time after which a session ends.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The largest number of sessions. A new one replaces the least recently used.
const MAX_SESSIONS: usize = 64;
/// The shortest time between writes of the last use: the console sends requests every few seconds.
const USE_WRITE_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Sessions {
    store: Store,
    /// Sessions by the hash of the cookie. A hash cannot be chosen, so the time of a look-up reveals nothing about a secret.
    sessions: Mutex<BTreeMap<String, ActiveSession>>,
}

/// The two secrets of a session.
pub(super) struct SessionSecrets {
    /// The value of the cookie.
    pub(super) cookie: Secret,
    /// The key, which the pages of the console send in a header.
    pub(super) key: Secret,
}

/// The session of a request, and an extension of it for the API: the sender has all permissions.
#[derive(Clone, Debug)]
pub(crate) struct SessionHandle {
    /// The hash of the cookie.
    id: String,
    /// The credential the session depends on.
    pub(crate) grant: Grant,
    ended: watch::Receiver<()>,
}

struct ActiveSession {
    record: ConsoleSession,
    /// Tells responses in progress, by being dropped, that the session has ended.
    ended: watch::Sender<()>,
}

#[derive(Clone, Serialize, Deserialize)]
struct ConsoleSession {
    /// Hash of the cookie.
    hash: String,
    /// Hash of the key.
    key_hash: String,
    grant: Grant,
    created: Timestamp,
    /// Time of the last use, at most [`USE_WRITE_INTERVAL`] out of date.
    used: Timestamp,
}

impl Sessions {
    /// Reads the sessions from the store, and removes those whose grant is by none of these policies.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(store: Store, policies: &Policies) -> Result<Self, StoreError> {
        let mut sessions = BTreeMap::new();
        for document in store.sessions()? {
            let record: ConsoleSession =
                serde_json::from_str(&document).map_err(|error| store.corrupt(error))?;
            if record.grant.is_by_owner(policies) {
                sessions.insert(record.hash.clone(), ActiveSession::new(record));
            } else {
                store.remove(Row::Session(record.hash));
            }
        }
        Ok(Self {
            store,
            sessions: Mutex::new(sessions),
        })
    }

    /// Creates a session. Returns its secrets. It is persisted after [`Sessions::flush`].
    pub(super) fn create(&self, grant: Grant, now: Timestamp) -> SessionSecrets {
        let secrets = SessionSecrets {
            cookie: Secret::generate(),
            key: Secret::generate(),
        };
        let record = ConsoleSession {
            hash: sha256(&secrets.cookie.to_string()),
            key_hash: sha256(&secrets.key.to_string()),
            grant,
            created: now,
            used: now,
        };
        let mut sessions = self.lock();
        for hash in replaceable(&sessions, now) {
            sessions.remove(&hash);
            self.store.remove(Row::Session(hash));
        }
        record.persist(&self.store);
        sessions.insert(record.hash.clone(), ActiveSession::new(record));
        secrets
    }

    /// Returns the valid session with both secrets, and records the use.
    pub(super) fn authenticate(
        &self,
        cookie: &str,
        key: &str,
        now: Timestamp,
    ) -> Option<SessionHandle> {
        let mut sessions = self.lock();
        let session = sessions.get_mut(&sha256(cookie))?;
        let record = &mut session.record;
        if !record.is_valid(now) || record.key_hash != sha256(key) {
            return None;
        }
        if now.duration_since(record.used) >= USE_WRITE_INTERVAL {
            record.used = now;
            record.persist(&self.store);
        }
        Some(SessionHandle {
            id: record.hash.clone(),
            grant: record.grant.clone(),
            ended: session.ended.subscribe(),
        })
    }

    /// Returns true if the cookie is that of a valid session.
    pub(super) fn has_cookie(&self, cookie: &str, now: Timestamp) -> bool {
        let sessions = self.lock();
        let session = sessions.get(&sha256(cookie));
        session.is_some_and(|session| session.record.is_valid(now))
    }

    /// Ends a session, and the responses it still gets.
    pub(super) fn end(&self, session: &SessionHandle) {
        self.lock().remove(&session.id);
        self.store.remove(Row::Session(session.id.clone()));
    }

    /// Ends all sessions. Returns their number.
    pub(super) fn end_all(&self) -> usize {
        let mut sessions = self.lock();
        for hash in sessions.keys() {
            self.store.remove(Row::Session(hash.clone()));
        }
        std::mem::take(&mut *sessions).len()
    }

    /// Waits until changes are persisted, unless the database cannot be written: sessions end with the process then.
    pub(super) async fn flush(&self) {
        let _ = self.store.flush().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ActiveSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionHandle {
    /// Waits until the session is ended, or its grant expires.
    pub(super) async fn ended(mut self, now: Timestamp) {
        let expiry = self.grant.expiry();
        let left = expiry.map(|expiry| expiry.duration_since(now));
        let expired = async {
            match left {
                Some(left) => tokio::time::sleep(left.try_into().unwrap_or_default()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Nothing is ever sent: this returns once the sender is dropped.
            _ = self.ended.changed() => {}
            () = expired => {}
        }
    }
}

impl ActiveSession {
    fn new(record: ConsoleSession) -> Self {
        Self {
            record,
            ended: watch::Sender::default(),
        }
    }
}

impl ConsoleSession {
    fn is_valid(&self, now: Timestamp) -> bool {
        let expiry = self.grant.expiry();
        now.duration_since(self.used) < SESSION_LIFETIME && expiry.is_none_or(|expiry| now < expiry)
    }

    fn persist(&self, store: &Store) {
        store.put(Row::Session(self.hash.clone()), Content::json(self));
    }
}

/// Returns the sessions that give way to a new one: those that are over, and the least recently used if there are too many.
fn replaceable(sessions: &BTreeMap<String, ActiveSession>, now: Timestamp) -> Vec<String> {
    let (valid, over): (Vec<_>, Vec<_>) = sessions
        .values()
        .map(|session| &session.record)
        .partition(|record| record.is_valid(now));
    let mut replaced = over;
    if valid.len() >= MAX_SESSIONS {
        replaced.extend(valid.into_iter().min_by_key(|record| record.used));
    }
    let hashes = replaced.into_iter().map(|record| record.hash.clone());
    hashes.collect()
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
