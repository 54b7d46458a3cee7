//! The schedule of messages.

use std::time::Duration;

/// The schedule of all devices: messages are evenly spread, and the devices take turns.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    devices: usize,
    rate: u32,
}

/// The schedule of one device.
#[derive(Clone, Copy)]
pub(super) struct DeviceSchedule {
    schedule: Schedule,
    device: usize,
}

impl Schedule {
    /// Makes a schedule of `rate` messages per second, of all devices together.
    pub(super) fn new(devices: usize, rate: u32) -> Self {
        Self { devices, rate }
    }

    /// Returns the schedule of the device with this index.
    pub(super) fn of_device(self, device: usize) -> DeviceSchedule {
        DeviceSchedule {
            schedule: self,
            device,
        }
    }
}

impl DeviceSchedule {
    /// Returns the due time of the message with this number (from 1), relative to the start.
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
            .flat_map(|device| (1..=3).map(move |number| schedule.of_device(device).due(number)))
            .collect();
        all.sort();
        let evenly: Vec<_> = (0..12)
            .map(|place| Duration::from_millis(125) * place)
            .collect();
        assert_eq!(all, evenly);
        assert_eq!(schedule.of_device(1).due(2), Duration::from_millis(625));
    }
}
