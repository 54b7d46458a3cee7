//! When which device sends.

use std::time::Duration;

/// All messages are evenly spread over the time, and the devices take turns.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    devices: usize,
    rate: u32,
}

/// When one device sends.
#[derive(Clone, Copy)]
pub(super) struct Turns {
    schedule: Schedule,
    device: usize,
}

impl Schedule {
    /// `rate` messages a second of so many devices.
    pub(super) fn new(devices: usize, rate: u32) -> Self {
        Self { devices, rate }
    }

    /// Those of the device of this number, which counts from 0.
    pub(super) fn turns(self, device: usize) -> Turns {
        Turns {
            schedule: self,
            device,
        }
    }
}

impl Turns {
    /// When the message of this number, which counts from 1, is due, since the beginning.
    pub(super) fn due(self, number: u64) -> Duration {
        let Schedule { devices, rate } = self.schedule;
        let before = number.saturating_sub(1) * devices as u64 + self.device as u64;
        Duration::from_secs_f64(before as f64 / f64::from(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_take_turns_at_the_rate() {
        let schedule = Schedule::new(4, 8);
        let mut all: Vec<_> = (0..4)
            .flat_map(|device| (1..=3).map(move |number| schedule.turns(device).due(number)))
            .collect();
        all.sort();
        let evenly: Vec<_> = (0..12)
            .map(|place| Duration::from_millis(125) * place)
            .collect();
        assert_eq!(all, evenly);
        assert_eq!(schedule.turns(1).due(2), Duration::from_millis(625));
    }
}
