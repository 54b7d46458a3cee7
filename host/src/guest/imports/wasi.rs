//! WASI with nothing behind it: no files, no network, no environment. Components from most toolchains import it, and
//! what they print goes to the log.

use std::{sync::Arc, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use wasmtime::component::Linker;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiView};

use crate::{
    clock::Clock,
    guest::{limits::Limits, log_stream::LogStream},
};

pub(in crate::guest) fn add_to_linker<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// An instance's WASI: time and randomness are the device's, so that a dry run is the same each time.
pub(in crate::guest) fn context(
    limits: &Limits,
    clock: &Arc<dyn Clock>,
    random: &mut StdRng,
    (stdout, stderr): (&LogStream, &LogStream),
) -> WasiCtx {
    WasiCtx::builder()
        .wall_clock(DeviceClock(clock.clone()))
        .monotonic_clock(DeviceClock(clock.clone()))
        .secure_random(StdRng::from_rng(random))
        .insecure_random(StdRng::from_rng(random))
        .insecure_random_seed(u128::from(random.next_u64()))
        .max_random_size(limits.hostcall as u64)
        // A socket takes a file descriptor of the host even if it can connect to nothing.
        .allow_tcp(false)
        .allow_udp(false)
        .stdout(stdout.clone())
        .stderr(stderr.clone())
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
