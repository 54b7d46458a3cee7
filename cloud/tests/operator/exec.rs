use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::Stdio,
};

use rustix::process::Signal;

use crate::process::{cloud, code, signal, stderr, stdout, variable};

#[test]
fn the_program_gets_what_a_device_needs_and_its_code_is_ours() {
    let script = "env; $CLOUD devices; \
                  test -f $SSL_CERT_FILE -a -f $NODE_EXTRA_CA_CERTS -a -f $REQUESTS_CA_BUNDLE && exit 7";
    let output = cloud(&["exec", "--device-id", "t-1", "--", "sh", "-c", script])
        .env("CLOUD", env!("CARGO_BIN_EXE_cloud"))
        .output()
        .unwrap();
    assert_eq!(code(&output), 7, "{}", stderr(&output));
    let shown = stdout(&output);
    assert_eq!(variable(&shown, "IOTHUB_DEVICE_SECURITY_TYPE"), "DPS");
    assert_eq!(variable(&shown, "IOTHUB_DEVICE_DPS_DEVICE_ID"), "t-1");
    assert!(variable(&shown, "IOTHUB_DEVICE_DPS_ID_SCOPE").starts_with("0ne"));
    let hub = variable(&shown, "IOTHUB_DEVICE_DPS_ENDPOINT");
    let key = variable(&shown, "IOTHUB_DEVICE_DPS_DEVICE_KEY");
    let connection_string = variable(&shown, "IOTHUB_DEVICE_CONNECTION_STRING");
    assert_eq!(
        connection_string,
        format!("HostName={hub};DeviceId=t-1;SharedAccessKey={key}")
    );
    assert!(
        shown.lines().any(|line| line.starts_with("t-1 ")),
        "{shown}"
    );
    assert!(!shown.contains("IOTHUB_CONNECTION_STRING="), "{shown}");
}

#[test]
fn an_operators_program_gets_the_owners_connection_string_too() {
    let script = "env; $CLOUD connection-string";
    let output = cloud(&["exec", "--service", "--", "sh", "-c", script])
        .env("CLOUD", env!("CARGO_BIN_EXE_cloud"))
        .output()
        .unwrap();
    let shown = stdout(&output);
    let connection_string = variable(&shown, "IOTHUB_CONNECTION_STRING");
    let (host, rest) = connection_string.split_once(';').unwrap();
    assert!(host.starts_with("HostName=localhost:"), "{host}");
    assert!(rest.starts_with("SharedAccessKeyName=iothubowner;SharedAccessKey="));
    assert_eq!(shown.lines().last(), Some(connection_string.as_str()));
    assert_eq!(variable(&shown, "IOTHUB_DEVICE_ID"), "device-1");
    assert!(!stderr(&output).contains("SharedAccessKey"));
}

#[test]
fn nothing_stays_of_a_cloud_that_was_for_one_program() {
    let output = cloud(&["exec", "printenv", "CLOUD_DIR"]).output().unwrap();
    let dir = stdout(&output);
    assert!(
        dir.starts_with('/') && !std::fs::exists(dir.trim()).unwrap(),
        "{dir}"
    );
}

#[test]
fn a_cloud_in_a_named_directory_knows_its_device_the_next_time() {
    let dir = tempfile::TempDir::new().unwrap();
    let run = |options: &[&str], script: &str| {
        let output = cloud(&["exec", "--dir"])
            .arg(dir.path())
            .args(options)
            .args(["--", "sh", "-c", script])
            .env("CLOUD", env!("CARGO_BIN_EXE_cloud"))
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let key = "printenv IOTHUB_DEVICE_DPS_DEVICE_KEY";
    let first = run(&[], &format!("{key}; $CLOUD set --no-wait a 1"));
    let second = run(&[], &format!("{key}; $CLOUD twin"));
    let (same, twin) = second.split_once('\n').unwrap();
    assert_eq!(same, first.trim());
    assert!(twin.contains("\"a\": 1"), "{twin}");
    assert_ne!(run(&["--ephemeral"], key), first);
}

#[test]
fn the_kind_of_security_is_as_asked_for() {
    let arguments = ["exec", "--security-type", "connectionString", "--", "env"];
    let shown = stdout(&cloud(&arguments).output().unwrap());
    assert_eq!(
        variable(&shown, "IOTHUB_DEVICE_SECURITY_TYPE"),
        "connectionString"
    );
}

#[test]
fn an_address_of_its_own_is_the_name_too_and_has_port_8883() {
    let Some(address) = free_loopback("127.77") else {
        eprintln!("skipped: this system has no loopback address but 127.0.0.1");
        return;
    };
    let output = cloud(&["exec", "--address", &address, "--", "env"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(
        variable(&stdout(&output), "IOTHUB_DEVICE_DPS_ENDPOINT"),
        address
    );
}

#[test]
fn an_operators_program_with_an_address_of_its_own_needs_no_port_at_all() {
    let Some(address) = free_loopback("127.78").filter(|address| is_free(address, 443)) else {
        eprintln!("skipped: port 443 may not be used here");
        return;
    };
    let output = cloud(&["exec", "--service", "--address", &address, "--", "env"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let connection_string = variable(&stdout(&output), "IOTHUB_CONNECTION_STRING");
    let expected = format!("HostName={address};SharedAccessKeyName=iothubowner;");
    assert!(connection_string.starts_with(&expected));
}

/// One that nobody else has asked for: it follows from the process id.
fn free_loopback(network: &str) -> Option<String> {
    let [.., a, b] = std::process::id().to_be_bytes();
    let address = format!("{network}.{a}.{}", b.max(1));
    is_free(&address, 8883).then_some(address)
}

fn is_free(address: &str, port: u16) -> bool {
    TcpListener::bind((address, port)).is_ok()
}

#[test]
fn a_signal_is_passed_on_to_the_program() {
    let script = "trap 'kill $!; exit 42' TERM; sleep 600 & echo ready; wait";
    let mut child = cloud(&["exec", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn a_program_ended_by_a_signal_or_not_there_is_told_as_a_shell_does() {
    let killed = cloud(&["exec", "sh", "-c", "kill -9 $$"]).output().unwrap();
    assert_eq!(code(&killed), 137);
    let missing = cloud(&["exec", "no-such-program"]).output().unwrap();
    assert_eq!(code(&missing), 127);
    assert!(stderr(&missing).contains("cannot run no-such-program"));
}
