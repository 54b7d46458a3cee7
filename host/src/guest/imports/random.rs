use rand::Rng;

use crate::guest::{bindings::pnp::device::random::Host, state::State};

/// More is a mistake, and would be allocated by the host.
const MAX_BYTES: u32 = 64 << 10;

impl Host for State {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        if count > MAX_BYTES {
            wasmtime::bail!("it asked for {count} random bytes at once, more than {MAX_BYTES}");
        }
        let mut bytes = vec![0; count as usize];
        self.random.fill_bytes(&mut bytes);
        Ok(bytes)
    }
}
