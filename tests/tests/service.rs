//! A host that a service manager has started: what it tells it.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::Path,
    process::id,
    thread,
    time::{Duration, Instant},
};

use end_to_end::{Cloud, HostCommand, PATIENCE, Process, guest, thermostat};
use tempfile::TempDir;

const READY: &str = "READY=1";
const WORKS: &str = "WATCHDOG=1";
const STOPPING: &str = "STOPPING=1";
/// CPU time a call may take.
const SPIN: Duration = Duration::from_secs(3);
const NOT_CONNECTED: &str = "STATUS=not connected; messages are queued";

/// What listens as a service manager does.
struct ServiceManager {
    socket: UnixDatagram,
    dir: TempDir,
}

impl ServiceManager {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("a socket");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("sockets have a timeout");
        Self { socket, dir }
    }

    /// A host that tells it.
    fn starts(&self, host: HostCommand) -> Process {
        host.env("NOTIFY_SOCKET", self.dir.path().join("notify"))
            .start()
    }

    /// A host that tells it and is watched: it is to beat twice in this time.
    fn watches(&self, host: HostCommand, time: Duration) -> Process {
        self.starts(host.env("WATCHDOG_USEC", time.as_micros().to_string()))
    }

    /// The next thing it is told.
    fn told(&self) -> String {
        self.receive().expect("a message in time")
    }

    /// Everything it was told and has not heard yet, from a host that has ended.
    fn rest(&self) -> Vec<String> {
        self.socket
            .set_nonblocking(true)
            .expect("sockets can be so");
        std::iter::from_fn(|| self.receive().ok()).collect()
    }

    fn receive(&self) -> std::io::Result<String> {
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes)?;
        let message = bytes.get(..length).unwrap_or_default();
        Ok(String::from_utf8_lossy(message).into_owned())
    }
}

/// A host whose hub is away.
fn alone(component: &Path) -> HostCommand {
    HostCommand::of(component)
        .env("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString")
        .env(
            "IOTHUB_DEVICE_CONNECTION_STRING",
            "HostName=127.0.0.1:1;DeviceId=d;SharedAccessKey=c2VjcmV0",
        )
}

#[test]
fn it_is_ready_as_soon_as_it_measures_though_its_hub_is_away() {
    let manager = ServiceManager::new();
    let mut host = manager.starts(alone(&thermostat()));
    assert_eq!(manager.told(), READY);
    assert_eq!(manager.told(), NOT_CONNECTED);
    assert_eq!(host.stop(), Some(0));
    assert_eq!(manager.rest().pop().as_deref(), Some(STOPPING));
}

#[test]
fn its_status_tells_of_the_connection_and_its_loss() {
    let cloud = Cloud::start();
    let manager = ServiceManager::new();
    let mut host = manager.starts(HostCommand::of(&thermostat()).enrolled(&cloud, "s-1"));
    let running = cloud.running();
    let hub = running.get("hubName").and_then(|name| name.as_str());
    let connected = format!("STATUS=connected to {} as s-1", hub.expect("a name"));
    assert_eq!(manager.told(), READY);
    assert_eq!(manager.told(), connected);
    cloud.fault(&["reset"]);
    assert_eq!(manager.told(), NOT_CONNECTED);
    // The first tries may come to nothing.
    while manager.told() != connected {}
    assert_eq!(host.stop(), Some(0));
    assert_eq!(manager.rest(), [STOPPING]);
}

#[test]
fn a_component_that_does_not_begin_is_never_ready() {
    let manager = ServiceManager::new();
    let mut host = manager.starts(alone(&guest("faulty")).set("init", "err"));
    assert_eq!(host.wait().code(), Some(2));
    assert_eq!(manager.rest(), [""; 0]);
}

#[test]
fn a_refused_device_ends_and_says_so_by_its_exit_code_alone() {
    let cloud = Cloud::start();
    let manager = ServiceManager::new();
    let host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "s-1")
        .env("IOTHUB_DEVICE_DPS_DEVICE_KEY", "c2VjcmV0");
    assert_eq!(manager.starts(host).wait().code(), Some(3));
    assert_eq!(manager.rest(), [READY]);
}

#[test]
fn it_beats_while_it_works_whether_its_state_is_on_disk_or_not() {
    let kept = alone(&thermostat());
    let ephemeral = alone(&thermostat())
        .without("HOST_STATE_DIR")
        .arg("--ephemeral");
    for host in [kept, ephemeral] {
        let manager = ServiceManager::new();
        let mut host = manager.watches(host, Duration::from_millis(100));
        for _ in 0..10 {
            while manager.told() != WORKS {}
        }
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn it_does_not_beat_if_another_process_is_watched() {
    let manager = ServiceManager::new();
    let host = alone(&thermostat()).env("WATCHDOG_PID", id().to_string());
    let mut host = manager.watches(host, Duration::from_millis(2));
    // The pause before the second try is long enough for many.
    for expected in [READY, NOT_CONNECTED, NOT_CONNECTED] {
        assert_eq!(manager.told(), expected);
    }
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn it_beats_while_its_component_spins() {
    let cloud = Cloud::start();
    let manager = ServiceManager::new();
    let host = HostCommand::of(&guest("faulty"))
        .arg("--limit")
        .arg(format!("cpu={}s", SPIN.as_secs()))
        .enrolled(&cloud, "s-1");
    let _host = manager.watches(host, Duration::from_millis(100));
    while !manager.told().starts_with("STATUS=connected") {}
    let longest_pause = thread::scope(|scope| {
        let call = scope.spawn(|| cloud.call(&["spin"]));
        let mut longest = Duration::ZERO;
        while !call.is_finished() {
            let since = Instant::now();
            while manager.told() != WORKS {}
            longest = longest.max(since.elapsed());
        }
        assert_eq!(call.join().expect("an answer").status, 500);
        longest
    });
    assert!(longest_pause < SPIN / 2, "no beat for {longest_pause:?}");
}

#[test]
fn every_variable_of_the_unit_is_one_of_the_hosts() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd");
    let help = HostCommand::bare().arg("--help").to_its_end().stdout;
    for name in ["pnp-host@.service", "device.env"] {
        let text = fs::read_to_string(packaging.join(name)).expect("it is there");
        let lines = text
            .lines()
            .map(|line| line.trim_start_matches('#'))
            .map(|line| line.strip_prefix("Environment=").unwrap_or(line));
        let variables: Vec<_> = lines
            .filter(|line| line.starts_with("HOST_") || line.starts_with("IOTHUB_"))
            .filter_map(|line| line.split_once('='))
            .collect();
        assert!(!variables.is_empty(), "{name}");
        for (variable, _) in variables {
            let variable = variable.strip_suffix("_FILE").unwrap_or(variable);
            assert!(help.contains(variable), "{name}: {variable}");
        }
    }
}
