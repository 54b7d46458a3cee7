use crate::guest::{bindings::pnp::device::clock::Host, instance_state::InstanceState};

impl Host for InstanceState {
    fn now(&mut self) -> f64 {
        self.clock.now().as_microsecond() as f64 / 1e3
    }

    fn monotonic(&mut self) -> f64 {
        self.clock.monotonic().as_secs_f64() * 1e3
    }
}
