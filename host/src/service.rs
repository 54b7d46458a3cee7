//! The host as a service: what it tells the service manager that started it, in the words of sd_notify(3), which systemd
//! and others understand.

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
    process,
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{clock::Clock, device::Milestone, swap::Order, text::cut};

/// The variable that says where the service manager listens.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How long a service manager that does not listen may hold up whoever tells it something.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a status.
const LONGEST: usize = 256;

/// Tells a service manager how things stand, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// Tells the one that started this process; nobody if none did, or if it cannot be reached, which is logged.
    #[must_use]
    pub fn from_environment() -> Self {
        let Some(socket) = env::var_os(SOCKET).filter(|socket| !socket.is_empty()) else {
            return Self::default();
        };
        Self::to(&socket).unwrap_or_else(|error| {
            tracing::error!(
                ?socket, %error,
                "{SOCKET} cannot be used; the service manager is not told that the device is ready"
            );
            Self::default()
        })
    }

    /// Tells whoever listens on this socket: a path, or a name that begins with `@`.
    pub fn to(socket: &OsStr) -> io::Result<Self> {
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(socket)?,
            _ => {
                let why = "it is neither an absolute path nor a name that begins with @";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
        };
        let from = UnixDatagram::unbound()?;
        from.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            to: Some((from, address)),
        })
    }

    /// Tells what a milestone means for a service: it is ready as soon as the device works, connected or not.
    pub fn tell(&self, milestone: &Milestone) {
        match milestone {
            Milestone::Started => self.send("READY=1"),
            Milestone::Connected(assignment) => self.status(&format!(
                "connected to {} as {}",
                assignment.hub, assignment.device_id
            )),
            Milestone::Disconnected => self.status("not connected; what is to be sent is kept"),
            _ => {}
        }
    }

    /// Tells that the service works; see [`beat`].
    pub fn works(&self) {
        self.send("WATCHDOG=1");
    }

    /// Tells that the service is ending.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", cut(text, LONGEST)));
    }

    fn send(&self, message: &str) {
        if let Some((from, address)) = &self.to
            && let Err(error) = from.send_to_addr(message.as_bytes(), address)
        {
            tracing::warn!(message, %error, "the service manager is not told");
        }
    }
}

/// Time between two beats, if the service manager watches this process: half of what it waits for one, because it ends the
/// process when one does not come.
#[must_use]
pub fn beat_interval() -> Option<Duration> {
    let variable = |name| env::var(name).ok();
    interval(
        variable("WATCHDOG_USEC")?.as_str(),
        variable("WATCHDOG_PID").as_deref(),
        process::id(),
    )
}

fn interval(microseconds: &str, watched: Option<&str>, process: u32) -> Option<Duration> {
    let is_watched = watched.is_none_or(|id| id.parse() == Ok(process));
    let time = Duration::from_micros(microseconds.parse().ok()?);
    (is_watched && !time.is_zero()).then_some(time / 2)
}

/// Calls `works` every so often, each time only after the device's loop has answered: a loop that is stuck, or the runtime
/// this is spawned on, ends the beats, and they go on when it does. Ends with the device.
pub async fn beat<B>(
    orders: mpsc::Sender<Order<B>>,
    clock: impl Clock,
    every: Duration,
    works: impl Fn() + Send,
) {
    loop {
        clock.sleep_until(clock.monotonic() + every).await;
        if Order::ask(&orders, Order::Answer).await.is_none() {
            return;
        }
        works();
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::provision::dps::Assignment;

    fn heard(by: &UnixDatagram) -> String {
        let mut bytes = [0; 1024];
        let length = by.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn connected_to(hub: &str) -> Milestone {
        Milestone::Connected(Assignment {
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
            notifier.tell(&Milestone::Started);
            notifier.tell(&Milestone::Sent);
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
        notifier.tell(&connected_to("h\nWATCHDOG=trigger"));
        assert_eq!(
            heard(&manager),
            "STATUS=connected to h\\nWATCHDOG=trigger as d"
        );
        notifier.tell(&connected_to(&"h".repeat(10_000)));
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
    fn beats_are_half_of_what_is_waited_for_and_only_for_the_process_that_is_watched() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(interval("2000000", None, 7), second);
        assert_eq!(interval("2000000", Some("7"), 7), second);
        for (microseconds, watched) in [
            ("2000000", Some("8")),
            ("2000000", Some("")),
            ("0", None),
            ("", None),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(interval(microseconds, watched, 7), None, "{microseconds}");
        }
    }
}
