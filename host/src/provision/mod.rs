//! Who the device is, and where it belongs.

pub mod connection_string;
pub mod sas;
