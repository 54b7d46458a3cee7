//! The effects of a call: staged by it, committed with it.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::hub::{message::TelemetryMessage, twin::report_size};

/// A staged effect of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a telemetry message.
    Telemetry(TelemetryMessage),
    /// ReportedProperties properties.
    Report(ReportedProperties),
    /// Set the timer of this name.
    SetTimer(String, Schedule),
    /// Remove the timer of this name.
    CancelTimer(String),
}

impl Effect {
    /// Returns the size in bytes of a message or report; `None` for a timer.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Telemetry(message) => Some(message.size()),
            Self::Report(report) => Some(report_size(&report.properties)),
            Self::SetTimer(..) | Self::CancelTimer(_) => None,
        }
    }
}

/// Properties to report.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ReportedProperties {
    /// The Plug and Play component; `None` for the device itself.
    pub component: Option<String>,
    /// Values by name; `null` removes a property.
    pub properties: Map<String, Value>,
}

/// The schedule of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Schedule {
    /// Once, after this delay.
    Once(Duration),
    /// Periodically.
    Every(Duration),
}
