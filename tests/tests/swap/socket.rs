//! The socket by which a host is asked, and what else may be in its place.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    thread,
};

use end_to_end::{Device, HostCommand, Signal, guest, sha256};
use serde_json::Value;

use super::sequence;

#[test]
fn the_socket_is_for_its_owner_and_one_left_behind_is_no_harm() {
    let device = Device::new();
    let mut host = sequence(&device);
    let socket = device.state().join("control");
    let mode = fs::metadata(&socket)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    host.signal(Signal::KILL);
    host.wait();
    assert!(socket.exists(), "the host had no time to remove it");
    let unheard = device.operate(&["status"]);
    assert_eq!(unheard.code, 2);
    assert!(
        unheard
            .stderr
            .starts_with("error: no host is running with state directory"),
        "{}",
        unheard.stderr
    );
    let mut host = sequence(&device);
    assert_eq!(device.operate(&["status"]).code, 0);
    assert_eq!(host.stop(), Some(0));
    assert!(!socket.exists());

    // Something else in its place: the device runs without.
    fs::write(&socket, "mine").expect("it can be written");
    let mut host = sequence(&device);
    host.stderr.wait_for("cannot listen on the control socket");
    let unheard = device.operate(&["status"]);
    assert_eq!(unheard.code, 2);
    assert!(
        unheard.stderr.contains("not a socket of this user"),
        "{}",
        unheard.stderr
    );
    assert_eq!(host.stop(), Some(0));
    assert_eq!(fs::read_to_string(&socket).expect("it is there"), "mine");
}

#[test]
fn a_running_host_tells_its_history_on_the_socket() {
    let device = Device::new();
    let _host = sequence(&device);
    device.swaps(&device.version(&guest("sequence"), 1), &["--wait"]);
    let file = device.path("half.wasm");
    fs::write(&file, b"\0asm\x0d\0\x01\0half").expect("it can be written");
    let refused = device.swap(&file, &[]);
    assert_eq!(refused.code, 1);
    let named = "swap rejected: cannot compile component half.wasm: ";
    assert!(refused.stderr.contains(named), "{}", refused.stderr);

    let mut socket = UnixStream::connect(device.state().join("control")).expect("it listens");
    socket
        .write_all(b"{\"command\":\"history\"}\n")
        .expect("it reads");
    let told: Value = serde_json::from_reader(socket).expect("an array");
    let steps: Vec<_> = told.as_array().expect("an array").iter().collect();
    let names: Vec<_> = steps.iter().map(|step| &step["step"]).collect();
    assert_eq!(names, ["started", "accepted", "rejected"]);
    assert!(steps[0]["pauseMs"].is_number() && steps[0]["version"]["sha256"].is_string());
    assert_eq!(steps[2]["file"], file.to_str().expect("it is text"));
}

#[test]
fn a_host_that_does_not_answer_is_not_waited_for() {
    let device = Device::new();
    let mut host = sequence(&device);
    host.signal(Signal::STOP);
    let unheard = device.operate(&["status"]);
    assert_eq!(unheard.code, 2);
    let words = "error: no reply from the host in";
    assert!(unheard.stderr.starts_with(words), "{}", unheard.stderr);
    host.signal(Signal::CONT);
    assert_eq!(device.operate(&["status"]).code, 0);
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn what_listens_in_a_hosts_place_is_told_from_one_and_gives_way_to_one() {
    let device = Device::new();
    assert_eq!(sequence(&device).stop(), Some(0));
    let listener = UnixListener::bind(device.state().join("control")).expect("it can be made");
    let answering = thread::spawn(move || {
        for answer in ["what?\n", "{\"name\": \"other\"}\n"] {
            let (mut stream, _) = listener.accept().expect("a command connects");
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("it is open"));
            reader.read_line(&mut line).expect("it asks");
            stream.write_all(answer.as_bytes()).expect("it listens");
        }
        listener
    });
    for _ in 0..2 {
        let foreign = device.operate(&["status"]);
        assert_eq!(foreign.code, 1);
        let words = "unexpected reply";
        assert!(foreign.stderr.contains(words), "{}", foreign.stderr);
    }
    // From now on it takes connections and says nothing.
    let silent = answering.join().expect("it has answered");
    let unheard = device.operate(&["rollback"]);
    assert_eq!(unheard.code, 2);
    assert!(
        unheard.stderr.contains("no reply from the host"),
        "{}",
        unheard.stderr
    );

    // A host holds the directory, and takes its place.
    let mut host = sequence(&device);
    assert_eq!(device.operate(&["status"]).code, 0);
    assert_eq!(host.stop(), Some(0));
    drop(silent);
}

#[test]
fn operators_who_wait_for_the_end_of_a_probation_keep_nobody_from_rolling_back() {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .env("HOST_PROBATION_TIME", "1h")
        .start();
    host.stdout.wait_for("Listening");
    let new = device.version(&guest("sequence"), 1);
    device.swaps(&new, &[]);
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let swap = HostCommand::bare().arg("swap").arg(&new).arg("--wait");
            let mut swap = swap.state_dir(&device.state()).start();
            swap.stdout.wait_for("is already running");
            swap
        })
        .collect();
    let back = device.operate(&["rollback"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    for mut swap in waiting {
        swap.stdout.wait_for("rolled back");
        assert_eq!(swap.wait().code(), Some(1));
    }
    assert_eq!(device.runs(), sha256(&guest("sequence")));
}
