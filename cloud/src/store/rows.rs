//! The rows of the services, a table for each kind.

use bytes::Bytes;
use rusqlite::{Connection, Result, Statement};

use super::{Store, StoreError};

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    /// A device: its registration, twin and MQTT session.
    Device(String),
    /// A queued message of a device, by its number in the queue.
    Message(String, u64),
    /// An enrollment, by its kind and id.
    Enrollment(&'static str, String),
    /// A registration.
    Registration(String),
    /// A template, by its model.
    Template(String),
    /// An interface that was added to the models.
    Model(String),
    /// A session of the console, by the hash of its token.
    Session(String),
}

/// The content of a row: a JSON document, and for a message its body.
pub(crate) struct Content {
    pub(crate) document: String,
    pub(crate) body: Option<Bytes>,
}

impl Content {
    /// Makes the content without a body. Documents have text for keys, so that they always serialize.
    pub(crate) fn json(document: &impl serde::Serialize) -> Self {
        Self {
            document: serde_json::to_string(document).unwrap_or_default(),
            body: None,
        }
    }

    pub(crate) fn with_body(self, body: Bytes) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }
}

/// A queued message.
pub(crate) struct StoredMessage {
    pub(crate) device_id: String,
    pub(crate) number: u64,
    pub(crate) document: String,
    pub(crate) body: Vec<u8>,
}

impl Row {
    pub(super) fn write(&self, database: &Connection, content: Option<&Content>) -> Result<()> {
        match content {
            Some(content) => self.put(database, content),
            None => self.remove(database),
        }
    }

    fn put(&self, database: &Connection, content: &Content) -> Result<()> {
        let document = &content.document;
        let put = |sql| database.prepare_cached(sql);
        match self {
            Self::Device(id) => {
                put("REPLACE INTO device (id, document) VALUES (?1, ?2)")?.execute((id, document))
            }
            Self::Message(device, number) => put(
                "REPLACE INTO message (device, number, document, body) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((device, number, document, content.body.as_deref())),
            Self::Enrollment(kind, id) => {
                put("REPLACE INTO enrollment (kind, id, document) VALUES (?1, ?2, ?3)")?
                    .execute((kind, id, document))
            }
            Self::Registration(id) => {
                put("REPLACE INTO registration (id, document) VALUES (?1, ?2)")?
                    .execute((id, document))
            }
            Self::Template(model) => {
                put("REPLACE INTO template (model, document) VALUES (?1, ?2)")?
                    .execute((model, document))
            }
            Self::Model(id) => {
                put("REPLACE INTO model (id, document) VALUES (?1, ?2)")?.execute((id, document))
            }
            Self::Session(hash) => put("REPLACE INTO session (hash, document) VALUES (?1, ?2)")?
                .execute((hash, document)),
        }
        .map(drop)
    }

    fn remove(&self, database: &Connection) -> Result<()> {
        let remove = |sql| database.prepare_cached(sql);
        match self {
            Self::Device(id) => remove("DELETE FROM device WHERE id = ?1")?.execute((id,)),
            Self::Message(device, number) => {
                remove("DELETE FROM message WHERE device = ?1 AND number = ?2")?
                    .execute((device, number))
            }
            Self::Enrollment(kind, id) => {
                remove("DELETE FROM enrollment WHERE kind = ?1 AND id = ?2")?.execute((kind, id))
            }
            Self::Registration(id) => {
                remove("DELETE FROM registration WHERE id = ?1")?.execute((id,))
            }
            Self::Template(model) => {
                remove("DELETE FROM template WHERE model = ?1")?.execute((model,))
            }
            Self::Model(id) => remove("DELETE FROM model WHERE id = ?1")?.execute((id,)),
            Self::Session(hash) => remove("DELETE FROM session WHERE hash = ?1")?.execute((hash,)),
        }
        .map(drop)
    }
}

impl Store {
    /// Returns the documents of all devices.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn devices(&self) -> std::result::Result<Vec<String>, StoreError> {
        self.documents("SELECT document FROM device")
    }

    /// Returns the documents of all enrollments.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn enrollments(&self) -> std::result::Result<Vec<String>, StoreError> {
        self.documents("SELECT document FROM enrollment")
    }

    /// Returns the documents of all registrations.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn registrations(&self) -> std::result::Result<Vec<String>, StoreError> {
        self.documents("SELECT document FROM registration")
    }

    /// Returns the documents of all templates.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn templates(&self) -> std::result::Result<Vec<String>, StoreError> {
        self.documents("SELECT document FROM template")
    }

    /// Returns the documents of all interfaces that were added.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn models(&self) -> std::result::Result<Vec<String>, StoreError> {
        self.documents("SELECT document FROM model")
    }

    /// Returns the documents of all sessions of the console.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn sessions(&self) -> std::result::Result<Vec<String>, StoreError> {
        self.documents("SELECT document FROM session")
    }

    /// Returns all queued messages in the order of each queue.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn messages(&self) -> std::result::Result<Vec<StoredMessage>, StoreError> {
        let sql = "SELECT device, number, document, body FROM message ORDER BY device, number";
        self.rows(sql, |row| {
            Ok(StoredMessage {
                device_id: row.get(0)?,
                number: row.get(1)?,
                document: row.get(2)?,
                body: row.get(3)?,
            })
        })
    }

    fn documents(&self, sql: &str) -> std::result::Result<Vec<String>, StoreError> {
        self.rows(sql, |row| row.get(0))
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> Result<T>,
    ) -> std::result::Result<Vec<T>, StoreError> {
        let database = self.reader();
        let all = |mut statement: Statement<'_>| statement.query_map((), read)?.collect();
        let rows = database.prepare(sql).and_then(all);
        rows.map_err(|error| self.error(error))
    }
}
