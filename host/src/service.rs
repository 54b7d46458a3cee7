//! The host as a service: notifications to the service manager, by the protocol of sd_notify(3).

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::sync::mpsc;

use crate::{clock::Clock, device::DeviceEvent, swap::DeviceRequest, text::truncate};

/// The variable with the socket of the service manager.
const SOCKET: &str = "NOTIFY_SOCKET";
/// The timeout of a notification, for a service manager that does not read.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// The length limit of a status, in bytes.
const MAX_STATUS_LENGTH: usize = 256;

/// Sends notifications to the service manager, if there is one.
///
/// `sd_notify::notify` knows neither a timeout nor abstract sockets, so sending is our own.
#[derive(Debug, Default)]
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// Creates a notifier for the service manager that started this process, if there is one. An unusable socket is logged.
    #[must_use]
    pub fn from_environment() -> Self {
        let Some(socket) = env::var_os(SOCKET).filter(|socket| !socket.is_empty()) else {
            return Self::default();
        };
        Self::to(&socket).unwrap_or_else(|error| {
            tracing::error!(
                ?socket, %error,
                "cannot use {SOCKET}: service manager not notified"
            );
            Self::default()
        })
    }

    /// Creates a notifier for this socket: an absolute path, or an abstract name that starts with `@`.
    pub fn to(socket: &OsStr) -> io::Result<Self> {
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(socket)?,
            _ => {
                let reason = "neither an absolute path nor a name that starts with @";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
            }
        };
        let from = UnixDatagram::unbound()?;
        from.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Self {
            to: Some((from, address)),
        })
    }

    /// Sends the notification of an event: the service is ready as soon as the device has started, connected or not.
    pub fn notify(&self, event: &DeviceEvent<'_>) {
        match event {
            DeviceEvent::Started => self.send(&NotifyState::Ready),
            DeviceEvent::Connected(assignment) => self.status(&format!(
                "connected to {} as {}",
                assignment.hub, assignment.device_id
            )),
            DeviceEvent::Disconnected => self.status("not connected; messages are queued"),
            _ => {}
        }
    }

    /// Sends the keep-alive ping of the watchdog; see [`run_watchdog`].
    pub fn watchdog(&self) {
        self.send(&NotifyState::Watchdog);
    }

    /// Notifies that the service is stopping.
    pub fn stopping(&self) {
        self.send(&NotifyState::Stopping);
    }

    fn status(&self, text: &str) {
        self.send(&NotifyState::Status(&truncate(text, MAX_STATUS_LENGTH)));
    }

    fn send(&self, state: &NotifyState<'_>) {
        let message = state.to_string();
        if let Some((from, address)) = &self.to
            && let Err(error) = from.send_to_addr(message.as_bytes(), address)
        {
            tracing::warn!(message, %error, "service manager not notified");
        }
    }
}

/// Returns the time between two watchdog pings, if the service manager watches this process.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().and_then(interval)
}

/// Returns half of the watchdog timeout, as sd_watchdog_enabled(3) recommends; zero disables the watchdog.
fn interval(timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then_some(timeout / 2)
}

/// Calls `send` at each interval, after the device's loop has answered: a loop that is stuck, or the runtime this is
/// spawned on, stops the pings until it continues. Ends with the device.
pub async fn run_watchdog<B>(
    requests: mpsc::Sender<DeviceRequest<B>>,
    clock: impl Clock,
    interval: Duration,
    send: impl Fn() + Send,
) {
    loop {
        clock.sleep_until(clock.monotonic() + interval).await;
        if DeviceRequest::round_trip(&requests, DeviceRequest::Ping)
            .await
            .is_none()
        {
            return;
        }
        send();
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, process};

    use super::*;
    use crate::provision::dps::Assignment;

    fn heard(by: &UnixDatagram) -> String {
        let mut bytes = [0; 1024];
        let length = by.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn connected_to(hub: &str) -> DeviceEvent<'static> {
        DeviceEvent::Connected(Assignment {
            hub: hub.to_owned(),
            device_id: "d".to_owned(),
        })
    }

    #[test]
    fn it_speaks_to_a_path_and_to_an_abstract_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let name = format!("host-test-{}", process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (manager, socket) in [
            (UnixDatagram::bind(&path), path.into_os_string()),
            (
                UnixDatagram::bind_addr(&abstract_name),
                OsString::from(format!("@{name}")),
            ),
        ] {
            let (manager, notifier) = (manager.unwrap(), Notifier::to(&socket).unwrap());
            notifier.notify(&DeviceEvent::Started);
            notifier.notify(&DeviceEvent::Sent);
            notifier.stopping();
            assert_eq!(heard(&manager), "READY=1");
            assert_eq!(heard(&manager), "STOPPING=1");
        }
        for socket in ["notify", "vsock:2:1234", &format!("/{}", "a".repeat(200))] {
            assert!(Notifier::to(socket.as_ref()).is_err(), "{socket}");
        }
    }

    #[test]
    fn a_status_is_one_line_whatever_the_cloud_is_called() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str()).unwrap();
        notifier.notify(&connected_to("h\nWATCHDOG=trigger"));
        assert_eq!(
            heard(&manager),
            "STATUS=connected to h\\nWATCHDOG=trigger as d"
        );
        notifier.notify(&connected_to(&"h".repeat(10_000)));
        assert!(heard(&manager).len() < 300);
    }

    #[test]
    fn nobody_is_told_if_nobody_listens() {
        Notifier::default().stopping();
        let dir = tempfile::tempdir().unwrap();
        let gone = Notifier::to(dir.path().join("gone").as_os_str()).unwrap();
        gone.stopping();
    }

    #[test]
    fn a_manager_that_does_not_listen_holds_nobody_up_for_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str()).unwrap();
        let (from, _) = notifier.to.as_ref().unwrap();
        from.set_write_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        // More than the kernel keeps for a socket.
        for _ in 0..10_000 {
            if from.send_to(b"WATCHDOG=1", &path).is_err() {
                break;
            }
        }
        notifier.stopping();
        assert_eq!(heard(&manager), "WATCHDOG=1");
    }

    #[test]
    fn pings_come_at_half_of_the_timeout_and_none_without_one() {
        let second = Duration::from_secs(1);
        assert_eq!(interval(2 * second), Some(second));
        assert_eq!(interval(Duration::ZERO), None);
    }
}
