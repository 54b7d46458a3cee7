//! The limits on a component, with their defaults, ranges and reasons, in one list.

mod fixed;
mod memory;
mod setting;

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

pub use self::{
    fixed::FixedLimit,
    setting::{LimitSetting, LimitSettingError},
};
pub(super) use self::{
    fixed::{MAX_ACKNOWLEDGMENTS, MAX_RANDOM, MAX_REASON, MAX_REPORT, MAX_TIMER_NAME},
    memory::{MemoryLimit, OutOfMemory},
};
use crate::units::{format_bytes, format_duration};

/// Makes [`Limits`], its defaults and [`Limits::ALL`] from the one list. The text above a limit is its reason: one line,
/// whose first sentence says what is limited.
macro_rules! limits {
    ($(
        #[doc = $reason:literal]
        $name:literal, $unit:ident $range:expr => $field:ident: $type:ty = $default:expr;
    )*) => {
        /// The limits of one component. The defaults suit a device that samples and answers; every one can be changed.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $reason] pub $field: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Limits {
            /// All there are.
            pub const ALL: &[Limit] = &[$(Limit {
                name: $name,
                unit: Unit::$unit,
                range: $range,
                reason: $reason,
                get: |limits| limits.$field.into_number(),
                set: |limits, number| limits.$field = LimitValue::from_number(number),
            },)*];
        }
    };
}

limits! {
    /// Memory of one instance, all its memories together. A Rust component uses about 1 MB, a Python one 40 MB.
    "memory", Bytes 64 << 10..=4 << 30 => memory: usize = 64 << 20;
    /// Table elements of one instance, all its tables together. They are function pointers, which live outside its memory.
    "table-elements", Count 1..=10_000_000 => table_elements: usize = 100_000;
    /// Memories, tables and core instances of one component each. Components from any toolchain stay far below.
    "instances", Count 1..=10_000 => instances: usize = 100;
    /// CPU time of one call. Exports are meant to take microseconds; a second is a loop without end.
    "cpu", Time 1..=3_600_000 => cpu: Duration = Duration::from_secs(1);
    /// Wall time of one call. It bounds what a busy machine adds to its CPU time.
    "wall", Time 1..=3_600_000 => wall: Duration = Duration::from_secs(5);
    /// Messages, reports and timers staged in one call. They are in the host's memory until the call has ended.
    "effects", Count 1..=1_000_000 => effects: usize = 256;
    /// Timers of one device. They are written whenever one changes.
    "timers", Count 0..=100_000 => timers: usize = 64;
    /// Timer calls per second, over 10 s. A timer of a millisecond would keep a core and the disk busy.
    "calls", Rate 1..=1_000_000 => calls: Option<u64> = Some(200);
    /// Messages and reports of timer calls per second, over 50 s. A hub takes no more from one device for long.
    "messages", Rate 1..=1_000_000 => messages: Option<u64> = Some(200);
    /// Bytes committed by timer calls per second, over 64 s: changed records, messages, reports. It bounds the wear of flash memory.
    "commit", ByteRate 1..=1 << 40 => commit: Option<u64> = Some(512 << 10);
    /// Record. It is written with every batch.
    "record", Bytes 2..=64 << 20 => record: usize = 64 << 10;
    /// Response of a command. IoT Hub takes no more.
    "reply", Bytes 0..=128 << 10 => reply: usize = 128 << 10;
    /// Data of one call into the host. The host allocates memory for it.
    "hostcall", Bytes 1 << 10..=1 << 30 => hostcall: usize = 1 << 20;
    /// Length of a log line. The rest is cut off.
    "log-line", Bytes 1..=1 << 20 => log_line: usize = 4 << 10;
    /// Log lines per second. Further ones are counted.
    "log-rate", Count 0..=1_000_000 => log_rate: usize = 100;
    /// Size of the file. The host holds it in memory while it is compiled.
    "component", Bytes 1..=4 << 30 => component: u64 = 64 << 20;
    /// Time of a compilation, which has a process of its own. A component of 3 MB has taken 75 s.
    "compile-time", Time 1_000..=86_400_000 => compile_time: Duration = Duration::from_secs(120);
    /// Memory of a compilation. It is the address space of its process; a component of 3 MB has taken 1.36 GB.
    "compile-memory", Bytes 64 << 20..=1 << 40 => compile_memory: u64 = 4 << 30;
}

/// A limit that can be set.
pub struct Limit {
    name: &'static str,
    unit: Unit,
    range: RangeInclusive<u64>,
    reason: &'static str,
    get: fn(&Limits) -> Option<u64>,
    set: fn(&mut Limits, Option<u64>),
}

/// The unit of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Time,
    /// Pieces.
    Count,
    /// Pieces per second.
    Rate,
    /// Bytes per second.
    ByteRate,
}

impl Limits {
    /// Returns all limits by name, each in its unit; `None` for no limit.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<String, Option<u64>> {
        let all = Self::ALL.iter();
        all.map(|limit| (limit.name.to_owned(), limit.number(self)))
            .collect()
    }
}

impl Limit {
    /// Returns the limit with this name.
    fn named(name: &str) -> Option<&'static Self> {
        Limits::ALL.iter().find(|limit| limit.name == name)
    }

    /// Returns the name on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the unit.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Returns what is limited and the reason for the limit, in one line.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason.trim_start()
    }

    /// Returns the value, in its unit; `None` for no limit.
    #[must_use]
    pub fn number(&self, limits: &Limits) -> Option<u64> {
        (self.get)(limits)
    }

    /// Formats the value for people.
    #[must_use]
    pub fn shown(&self, limits: &Limits) -> String {
        self.format(self.number(limits))
    }

    /// Formats a number of its unit for people.
    #[must_use]
    pub fn format(&self, number: Option<u64>) -> String {
        number.map_or_else(|| NONE.to_owned(), |number| self.unit.format(number))
    }
}

impl Unit {
    fn format(self, number: u64) -> String {
        match self {
            Self::Bytes => format_bytes(number),
            Self::Time => format_duration(Duration::from_millis(number)),
            Self::Count => number.to_string(),
            Self::Rate => format!("{number}/s"),
            Self::ByteRate => format!("{}/s", format_bytes(number)),
        }
    }
}

/// The setting of a rate without a limit.
const NONE: &str = "none";

/// The type of a limit in code: a number of its unit; `None` for no limit. A number that does not fit becomes the maximum.
trait LimitValue {
    fn into_number(self) -> Option<u64>;
    fn from_number(number: Option<u64>) -> Self;
}

impl LimitValue for Option<u64> {
    fn into_number(self) -> Option<u64> {
        self
    }

    fn from_number(number: Option<u64>) -> Self {
        number
    }
}

impl LimitValue for usize {
    fn into_number(self) -> Option<u64> {
        Some(self as u64)
    }

    fn from_number(number: Option<u64>) -> Self {
        let number = number.and_then(|number| Self::try_from(number).ok());
        number.unwrap_or(Self::MAX)
    }
}

impl LimitValue for u64 {
    fn into_number(self) -> Option<u64> {
        Some(self)
    }

    fn from_number(number: Option<u64>) -> Self {
        number.unwrap_or(Self::MAX)
    }
}

impl LimitValue for Duration {
    fn into_number(self) -> Option<u64> {
        u64::try_from(self.as_millis()).ok()
    }

    fn from_number(number: Option<u64>) -> Self {
        number.map_or(Self::MAX, Self::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_limit_has_a_name_of_its_own_a_reason_and_a_default_within_its_range() {
        let defaults = Limits::default();
        let mut names = HashSet::new();
        for limit in Limits::ALL {
            let name = limit.name;
            assert!(names.insert(name), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
            assert!(limit.reason().contains(". "), "{name}");
            let number = limit.number(&defaults).unwrap();
            assert!(limit.range.contains(&number), "{name}");
        }
    }
}
