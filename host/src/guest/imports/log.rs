use crate::guest::{
    bindings::pnp::device::log::{Host, Level},
    instance_state::InstanceState,
};

impl Host for InstanceState {
    fn write(&mut self, level: Level, message: String) {
        self.log().write(level, &message);
    }
}
