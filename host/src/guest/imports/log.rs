use crate::guest::{
    bindings::pnp::device::log::{Host, Level},
    state::State,
};

impl Host for State {
    fn write(&mut self, level: Level, message: String) {
        self.log().write(level, &message);
    }
}
