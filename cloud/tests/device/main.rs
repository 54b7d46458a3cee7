//! What devices see of the cloud, over real sockets and TLS.

mod connecting;
mod faults;
mod hostile;
mod messages;
mod methods;
mod provisioning;
mod restart;
mod support;
mod twin;
