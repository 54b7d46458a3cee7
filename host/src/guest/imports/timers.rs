use std::time::Duration;

use crate::{
    contract::effect::{self, Effect},
    guest::{
        bindings::pnp::device::timers::{Error, Host, Schedule},
        imports::hub::StagingError,
        instance_state::InstanceState,
        limits::MAX_TIMER_NAME,
    },
};

impl Host for InstanceState {
    fn set(&mut self, name: String, schedule: Schedule) -> Result<(), Error> {
        check_name(&name)?;
        let schedule = match schedule {
            Schedule::Every(0) => {
                return Err(Error::Invalid(format!("the period of timer {name:?} is 0")));
            }
            Schedule::Every(period) => {
                effect::Schedule::Every(Duration::from_millis(period.into()))
            }
            Schedule::Once(delay) => effect::Schedule::Once(Duration::from_millis(delay.into())),
        };
        Ok(self.stage(Effect::SetTimer(name, schedule))?)
    }

    fn cancel(&mut self, name: String) -> Result<(), Error> {
        check_name(&name)?;
        Ok(self.stage(Effect::CancelTimer(name))?)
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > MAX_TIMER_NAME {
        return Err(Error::Invalid(format!(
            "the name of a timer must have 1 to {MAX_TIMER_NAME} bytes, not {}",
            name.len()
        )));
    }
    Ok(())
}

impl From<StagingError> for Error {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::Forbidden => Self::Refused,
            StagingError::LimitExceeded => Self::TooMany,
        }
    }
}
