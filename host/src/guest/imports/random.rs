use rand::Rng;

use crate::guest::{
    bindings::pnp::device::random::Host, instance_state::InstanceState, limits::MAX_RANDOM,
};

impl Host for InstanceState {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        if count > MAX_RANDOM {
            wasmtime::bail!("requested {count} random bytes at once, more than {MAX_RANDOM}");
        }
        let mut bytes = vec![0; count as usize];
        self.random.fill_bytes(&mut bytes);
        Ok(bytes)
    }
}
