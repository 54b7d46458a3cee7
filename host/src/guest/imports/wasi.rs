//! WASI with nothing behind it: no files, no network, no environment. Components from most toolchains import it, and
//! what they print goes to the log.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiView,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::{
    clock::Clock,
    guest::{bindings::pnp::device::log::Level, log_budget::LogBudget},
};

/// The size limit of one write, in bytes.
const MAX_WRITE: usize = 64 << 10;

pub(in crate::guest) fn add_to_linker<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// An instance's WASI: time and randomness are the device's, so that a dry run is the same each time.
pub(in crate::guest) fn context(
    clock: &Arc<dyn Clock>,
    random: &mut StdRng,
    log: &Arc<Mutex<LogBudget>>,
) -> WasiCtx {
    WasiCtx::builder()
        .wall_clock(DeviceClock(clock.clone()))
        .monotonic_clock(DeviceClock(clock.clone()))
        .secure_random(StdRng::from_rng(random))
        .insecure_random(StdRng::from_rng(random))
        .insecure_random_seed(u128::from(random.next_u64()))
        .stdout(LogStream::new(log, Level::Info))
        .stderr(LogStream::new(log, Level::Warn))
        .build()
}

struct DeviceClock(Arc<dyn Clock>);

impl HostWallClock for DeviceClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        self.0
            .now()
            .duration_since(jiff::Timestamp::UNIX_EPOCH)
            .unsigned_abs()
    }
}

impl HostMonotonicClock for DeviceClock {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.monotonic().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Writes lines to the log. Always ready: what is too much is dropped there.
#[derive(Clone)]
struct LogStream {
    log: Arc<Mutex<LogBudget>>,
    level: Level,
    /// The line begun; shared, because a component may open the stream again.
    line: Arc<Mutex<Vec<u8>>>,
}

impl LogStream {
    fn new(log: &Arc<Mutex<LogBudget>>, level: Level) -> Self {
        Self {
            log: log.clone(),
            level,
            line: Arc::default(),
        }
    }

    fn push(&self, bytes: &[u8]) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if part.ends_with(b"\n") || line.len() > MAX_WRITE {
                let text = String::from_utf8_lossy(&line);
                if !text.trim().is_empty() {
                    self.log
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .write(self.level, &text);
                }
                line.clear();
            }
        }
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LogStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
