//! What a behaviour wants done: staged by a call, committed with it.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::hub::message::Message;

/// One thing a call into a behaviour has staged.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a telemetry message.
    Telemetry(Message),
    /// Report properties.
    Report(Report),
    /// Set the timer of this name.
    SetTimer(String, Schedule),
    /// Remove the timer of this name.
    CancelTimer(String),
}

/// Properties to report.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The Plug and Play component they belong to; none for the device itself.
    pub component: Option<String>,
    /// By name; `null` removes.
    pub properties: Map<String, Value>,
}

/// When a timer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Schedule {
    /// Once, after this time.
    Once(Duration),
    /// With this time between.
    Every(Duration),
}
