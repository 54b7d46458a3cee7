//! A limit as it is set: `NAME=VALUE`.

use std::{fmt, str::FromStr};

use super::{Limit, Limits, NONE, Unit};
use crate::{renamed::renamed, units};

/// A value for one limit.
#[derive(Clone)]
pub struct LimitSetting {
    limit: &'static Limit,
    /// `None` for no limit.
    number: Option<u64>,
}

/// The error of a setting that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitSettingError {
    /// The setting is not `NAME=VALUE`.
    #[error("expected NAME=VALUE, such as memory=32MiB; the names are {}", names())]
    Form,
    /// There is no limit of this name.
    #[error("unknown limit {:?}; the names are {}", .0, names())]
    Name(String),
    /// The limit has a new name.
    #[error("{0}")]
    Renamed(String),
    /// The value has the wrong form.
    #[error("{} must be {}", .0, .1.form())]
    Value(&'static str, Unit),
    /// The value is out of range.
    #[error("{name} must be from {least} to {most}")]
    Range {
        /// The limit's.
        name: &'static str,
        /// With its unit.
        least: String,
        /// With its unit.
        most: String,
    },
}

fn names() -> String {
    let names: Vec<_> = Limits::ALL.iter().map(Limit::name).collect();
    names.join(", ")
}

impl Unit {
    fn form(self) -> &'static str {
        match self {
            Self::Bytes => "a size, such as 512KiB or 64MiB",
            Self::Time => "a duration, such as 500ms or 5s",
            Self::Count => "a whole number",
            Self::Rate => "a whole number per second, or none",
            Self::ByteRate => "a size per second, such as 512KiB, or none",
        }
    }

    fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Bytes | Self::ByteRate => units::parse_bytes(text),
            Self::Time => u64::try_from(units::parse_duration(text)?.as_millis()).ok(),
            Self::Count | Self::Rate => text.parse().ok(),
        }
    }

    /// Formats a number as [`parse`](Self::parse) reads it.
    fn format_setting(self, number: u64) -> String {
        match self {
            Self::Bytes | Self::Count | Self::Rate | Self::ByteRate => number.to_string(),
            Self::Time => format!("{number}ms"),
        }
    }
}

impl FromStr for LimitSetting {
    type Err = LimitSettingError;

    fn from_str(text: &str) -> Result<Self, LimitSettingError> {
        let (name, value) = text.split_once('=').ok_or(LimitSettingError::Form)?;
        let limit = Limit::named(name).ok_or_else(|| match renamed(name) {
            Some(error) => LimitSettingError::Renamed(error),
            None => LimitSettingError::Name(name.to_owned()),
        })?;
        if matches!(limit.unit, Unit::Rate | Unit::ByteRate) && value == NONE {
            let number = None;
            return Ok(Self { limit, number });
        }
        let number = limit.unit.parse(value);
        let number = number.ok_or(LimitSettingError::Value(limit.name, limit.unit))?;
        if !limit.range.contains(&number) {
            return Err(LimitSettingError::Range {
                name: limit.name,
                least: limit.unit.format(*limit.range.start()),
                most: limit.unit.format(*limit.range.end()),
            });
        }
        let number = Some(number);
        Ok(Self { limit, number })
    }
}

impl fmt::Display for LimitSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, number } = self;
        let value = number.map_or_else(|| NONE.to_owned(), |it| limit.unit.format_setting(it));
        write!(f, "{}={value}", limit.name)
    }
}

impl fmt::Debug for LimitSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Limits {
    /// Returns the defaults with these settings applied; of several settings of one limit the last wins.
    #[must_use]
    pub fn set(settings: &[LimitSetting]) -> Self {
        let mut limits = Self::default();
        for LimitSetting { limit, number } in settings {
            (limit.set)(&mut limits, *number);
        }
        limits
    }

    /// Returns the settings for a compiling process.
    pub(in crate::guest) fn for_compilation(&self) -> impl Iterator<Item = LimitSetting> {
        let names = ["component", "compile-time", "compile-memory"];
        let limits = names.into_iter().filter_map(Limit::named);
        limits.map(|limit| LimitSetting {
            limit,
            number: limit.number(self),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn set(text: &str) -> Result<Limits, String> {
        let setting = text.parse::<LimitSetting>();
        setting
            .map(|setting| Limits::set(&[setting]))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_unit_has_its_form() {
        assert_eq!(set("memory=32MiB").unwrap().memory, 32 << 20);
        assert_eq!(set("cpu=50ms").unwrap().cpu, Duration::from_millis(50));
        assert_eq!(set("timers=0").unwrap().timers, 0);
        assert_eq!(set("calls=50").unwrap().calls, Some(50));
        assert_eq!(set("calls=none").unwrap().calls, None);
        assert_eq!(set("commit=1MiB").unwrap().commit, Some(1 << 20));
        for (text, form) in [
            (
                "memory=much",
                "memory must be a size, such as 512KiB or 64MiB",
            ),
            ("cpu=50", "cpu must be a duration, such as 500ms or 5s"),
            ("timers=-1", "timers must be a whole number"),
            ("timers=none", "timers must be a whole number"),
            (
                "calls=0.5",
                "calls must be a whole number per second, or none",
            ),
            ("memory", "expected NAME=VALUE"),
        ] {
            let error = set(text).unwrap_err();
            assert!(error.starts_with(form), "{error}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_names() {
        let error = set("ram=1GiB").unwrap_err();
        for words in ["\"ram\"", "memory, table-elements, ", ", compile-memory"] {
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_does() {
        assert_eq!(
            set("memory=0").unwrap_err(),
            "memory must be from 64 KiB to 4 GiB"
        );
        assert_eq!(
            set("cpu=0s").unwrap_err(),
            "cpu must be from 1 ms to 3600 s"
        );
        assert!(set("reply=1MiB").is_err(), "the hub takes no more");
    }

    #[test]
    fn the_last_setting_of_a_limit_counts() {
        let settings = ["effects=1", "timers=2", "effects=3"].map(|text| text.parse().unwrap());
        let limits = Limits::set(&settings);
        assert_eq!((limits.effects, limits.timers), (3, 2));
        assert_eq!(limits.memory, Limits::default().memory);
    }

    #[test]
    fn the_process_that_compiles_is_told_its_limits_exactly() {
        let limits = Limits {
            component: 12_345,
            compile_time: Duration::from_millis(1500),
            compile_memory: 3 << 30,
            ..Limits::default()
        };
        let told: Vec<_> = limits
            .for_compilation()
            .map(|setting| setting.to_string().parse().unwrap())
            .collect();
        assert_eq!(Limits::set(&told), limits);
    }
}
