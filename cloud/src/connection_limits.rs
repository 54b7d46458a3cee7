//! The largest numbers of connections of the listeners. Each listener has a share of the file descriptors of the process, so
//! that clients of one cannot take those of another.

use rustix::process::{Resource, getrlimit};

/// Descriptors for files and for sockets that are no clients.
const OWN: usize = 64;
/// The largest number of HTTP connections of one listener.
const MAX_HTTP: usize = 1024;
/// The largest number of device connections that have not been accepted yet.
const MAX_PENDING: usize = 512;
/// The largest number of descriptors that are counted on.
const MAX_DESCRIPTORS: u64 = 1 << 20;

/// The largest numbers of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// Device connections.
    pub(crate) devices: usize,
    /// Device connections without CONNACK: anyone can open those.
    pub(crate) pending_devices: usize,
    /// Connections of an HTTP listener, and as many in their TLS handshake.
    pub(crate) http: usize,
}

impl ConnectionLimits {
    /// Shares out the file descriptors that this process may have.
    pub(crate) fn of_process() -> Self {
        let descriptors = getrlimit(Resource::Nofile).current;
        let descriptors = descriptors.unwrap_or(MAX_DESCRIPTORS).min(MAX_DESCRIPTORS);
        Self::of(usize::try_from(descriptors).unwrap_or(usize::MAX))
    }

    fn of(descriptors: usize) -> Self {
        let http = (descriptors / 16).clamp(4, MAX_HTTP);
        // HTTPS and its handshakes, and the console.
        let devices = descriptors.saturating_sub(OWN + 3 * http).max(8);
        Self {
            devices,
            pending_devices: (devices / 2).min(MAX_PENDING),
            http,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn together_they_leave_descriptors_for_files(descriptors in 96..2_000_000_usize) {
            let limits = ConnectionLimits::of(descriptors);
            prop_assert!(limits.devices + 3 * limits.http + OWN <= descriptors);
            prop_assert!(0 < limits.pending_devices && limits.pending_devices < limits.devices);
        }
    }
}
