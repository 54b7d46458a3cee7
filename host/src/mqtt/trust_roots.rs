//! The trusted certificate authorities, read for each connect, so that a renewed authority needs no restart.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::{ClientConfig, RootCertStore, pki_types::TrustAnchor};
use tokio::{
    sync::Mutex as AsyncMutex,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, timeout},
};

use super::tls::{self, TlsError};

/// The age up to which a reading serves further connects. Many devices may connect at once, and the authorities of a system
/// take milliseconds to read.
const MAX_AGE: Duration = Duration::from_millis(100);
/// The time limit of a reading. Files may be on a network share.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The trusted certificate authorities of a process.
pub struct TrustRoots {
    source: Source,
    current: Mutex<Reading>,
    /// Held while files are read; a reading that has timed out, if it still runs.
    unfinished: AsyncMutex<Option<JoinHandle<()>>>,
}

/// The origin of the authorities.
enum Source {
    /// The system or `SSL_CERT_FILE`, and the file given with `--ca`.
    Files { ca: Option<PathBuf> },
    /// The configuration that was given.
    Fixed,
}

/// The last authorities that could be read.
struct Reading {
    config: Arc<ClientConfig>,
    roots: Vec<TrustAnchor<'static>>,
    /// The time of the last reading, successful or not.
    read_at: Instant,
    /// The error of the last reading.
    error: Option<String>,
}

impl TrustRoots {
    /// Reads the authorities of the system or of `SSL_CERT_FILE`, and those in `ca`; again for each connect.
    ///
    /// # Errors
    /// No authority can be read.
    pub fn read(ca: Option<&Path>) -> Result<Arc<Self>, TlsError> {
        let read_at = Instant::now();
        let roots = tls::read_roots(ca)?;
        let ca = ca.map(Path::to_owned);
        let reading = Reading::new(roots, read_at)?;
        Ok(Self::with(Source::Files { ca }, reading))
    }

    /// Returns the authorities of a configuration, which never change.
    #[must_use]
    pub fn fixed(config: Arc<ClientConfig>) -> Arc<Self> {
        let reading = Reading {
            config,
            roots: Vec::new(),
            read_at: Instant::now(),
            error: None,
        };
        Self::with(Source::Fixed, reading)
    }

    fn with(source: Source, reading: Reading) -> Arc<Self> {
        Arc::new(Self {
            source,
            current: Mutex::new(reading),
            unfinished: AsyncMutex::default(),
        })
    }

    /// Returns the TLS configuration for a connect: a new one only if the authorities have changed, so that TLS sessions are
    /// resumed. If no authority can be read, those read before stay trusted, with a log line.
    pub(super) async fn current(self: &Arc<Self>) -> Arc<ClientConfig> {
        self.read_if_older(MAX_AGE).await
    }

    /// Returns what [`current`](Self::current) returns, read now.
    pub(super) async fn reread(self: &Arc<Self>) -> Arc<ClientConfig> {
        self.read_if_older(Duration::ZERO).await
    }

    async fn read_if_older(self: &Arc<Self>, age: Duration) -> Arc<ClientConfig> {
        let mut unfinished = self.unfinished.lock().await;
        let is_read = matches!(self.source, Source::Files { .. });
        if is_read && self.lock().read_at.elapsed() >= age {
            let this = self.clone();
            let mut reading = unfinished
                .take()
                .filter(|reading| !reading.is_finished())
                .unwrap_or_else(|| spawn_blocking(move || this.read_files()));
            if timeout(READ_TIMEOUT, &mut reading).await.is_err() {
                *unfinished = Some(reading);
                let seconds = READ_TIMEOUT.as_secs();
                self.failed(format!(
                    "cannot read the trusted certificate authorities: no response of the file system within {seconds} s"
                ));
            }
        }
        self.lock().config.clone()
    }

    fn read_files(&self) {
        let Source::Files { ca } = &self.source else {
            return;
        };
        let read_at = Instant::now();
        let roots = match tls::read_roots(ca.as_deref()) {
            Ok(roots) => roots,
            Err(error) => return self.failed(error.to_string()),
        };
        let mut current = self.lock();
        if roots.roots == current.roots {
            current.read_at = read_at;
            current.error = None;
            return;
        }
        drop(current);
        match Reading::new(roots, read_at) {
            Ok(reading) => {
                let authorities = reading.roots.len();
                tracing::info!(authorities, "trusted certificate authorities changed");
                *self.lock() = reading;
            }
            Err(error) => self.failed(error.to_string()),
        }
    }

    /// Keeps the authorities read before, and logs each new reason for it.
    fn failed(&self, error: String) {
        let mut current = self.lock();
        current.read_at = Instant::now();
        if current.error.as_ref() != Some(&error) {
            tracing::warn!("{error}; the authorities read before stay trusted");
            current.error = Some(error);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn new(roots: RootCertStore, read_at: Instant) -> Result<Self, TlsError> {
        Ok(Self {
            roots: roots.roots.clone(),
            config: tls::config_with(roots)?,
            read_at,
            error: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;
    use tokio::time::advance;

    use super::*;

    /// The PEM of another certificate authority each time.
    fn authority() -> String {
        let names = ["authority.example".to_owned()];
        rcgen::generate_simple_self_signed(names)
            .unwrap()
            .cert
            .pem()
    }

    struct Files(TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(TempDir::new().unwrap());
            files.write(&authority());
            files
        }

        fn ca(&self) -> PathBuf {
            self.0.path().join("ca.pem")
        }

        fn write(&self, text: &str) {
            fs::write(self.ca(), text).unwrap();
        }
    }

    fn anchors(trust_roots: &TrustRoots) -> Vec<TrustAnchor<'static>> {
        trust_roots.lock().roots.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn an_authority_that_is_renewed_is_trusted_by_the_next_connect_and_the_old_one_no_longer()
    {
        let files = Files::new();
        let trust_roots = TrustRoots::read(Some(&files.ca())).unwrap();
        let (first, old) = (trust_roots.current().await, anchors(&trust_roots));
        files.write(&authority());
        advance(MAX_AGE).await;
        let second = trust_roots.current().await;
        assert!(!Arc::ptr_eq(&first, &second));
        let new = anchors(&trust_roots);
        assert_eq!(new.len(), old.len());
        assert_eq!(new.iter().filter(|anchor| !old.contains(anchor)).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn authorities_that_are_unchanged_keep_their_configuration_with_its_tls_sessions() {
        let files = Files::new();
        let trust_roots = TrustRoots::read(Some(&files.ca())).unwrap();
        let first = trust_roots.current().await;
        files.write(&fs::read_to_string(files.ca()).unwrap());
        advance(MAX_AGE).await;
        assert!(Arc::ptr_eq(&first, &trust_roots.current().await));
        assert_eq!(trust_roots.lock().read_at.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_cannot_be_read_later_leaves_the_authorities_read_before() {
        let files = Files::new();
        let trust_roots = TrustRoots::read(Some(&files.ca())).unwrap();
        let first = trust_roots.current().await;
        fs::remove_file(files.ca()).unwrap();
        advance(MAX_AGE).await;
        assert!(Arc::ptr_eq(&first, &trust_roots.current().await));
        let error = trust_roots.lock().error.clone().unwrap();
        assert!(error.contains("no such file"), "{error}");
        files.write(&authority());
        advance(MAX_AGE).await;
        assert!(!Arc::ptr_eq(&first, &trust_roots.current().await));
        assert_eq!(trust_roots.lock().error, None);
    }
}
