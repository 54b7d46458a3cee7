use crate::guest::{bindings::pnp::device::clock::Host, state::State};

impl Host for State {
    fn now(&mut self) -> f64 {
        self.clock.now().as_microsecond() as f64 / 1e3
    }

    fn monotonic(&mut self) -> f64 {
        self.clock.monotonic().as_secs_f64() * 1e3
    }
}
