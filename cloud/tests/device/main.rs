//! What devices see of the cloud, over real sockets and TLS.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, to panic is to fail"
)]

mod connecting;
mod faults;
mod hostile;
mod messages;
mod methods;
mod provisioning;
mod restart;
mod support;
mod twin;
