//! Knowing why: what a running host says of itself to a person, to Prometheus and in its log.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use end_to_end::{Device, Process, guest};

/// What a scrape of this host gets, once the line in its log has said where.
fn scrape(host: &mut Process) -> String {
    answer(&metrics_address(host), "localhost")
}

fn metrics_address(host: &mut Process) -> String {
    host.stderr.find("where metrics are", |line| {
        let (_, url) = line.split_once("serving metrics at http://")?;
        Some(url.split_once('/')?.0.to_owned())
    })
}

/// The answer to a request for the metrics of the machine of this name.
fn answer(address: &str, name: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the host listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers text");
    answer
}

#[test]
fn metrics_are_not_for_a_web_page_that_calls_this_machine_by_its_own_name() {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .arg("--metrics")
        .arg("127.0.0.1:0")
        .start();
    let address = metrics_address(&mut host);
    for (name, status) in [
        ("localhost", "200"),
        (&*address, "200"),
        ("[::1]:9184", "200"),
        ("evil.example", "421"),
        ("127.0.0.1.evil.example:9184", "421"),
    ] {
        let answer = answer(&address, name);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{name}: {answer}"
        );
        assert_eq!(answer.contains("pnp_host_connected"), status == "200");
    }
}

fn value(scrape: &str, metric: &str) -> f64 {
    let found = scrape.lines().find_map(|line| line.strip_prefix(metric));
    let found = found.unwrap_or_else(|| panic!("no {metric} in {scrape}"));
    found.trim().parse().expect("a number")
}

#[test]
fn a_lost_hub_shows_in_status_metrics_and_log_with_its_reason() {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .arg("--metrics")
        .arg("127.0.0.1:0")
        .start();
    host.stdout.wait_for("Sent message");
    let metrics = scrape(&mut host);
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert_eq!(
        value(&metrics, "pnp_host_connected{device=\"swapped-1\"}"),
        1.0
    );
    assert!(
        value(
            &metrics,
            "pnp_host_messages_acknowledged_total{device=\"swapped-1\"}"
        ) > 0.0
    );
    assert!(
        value(
            &metrics,
            "pnp_host_component_memory_bytes{device=\"swapped-1\"}"
        ) >= 65_536.0
    );

    device.cloud.fault(&["refuse", "on"]);
    device.cloud.fault(&["reset"]);
    host.stderr
        .wait_for("not connected: the connection was reset");
    host.stderr.wait_for("still not connected");
    let status = device.status();
    let connection = &status["connection"];
    assert_eq!(connection["disconnects"]["reset"], 1, "{status}");
    assert!(connection["lastError"]["message"].is_string() && connection["since"].is_string());
    assert!(connection["state"] != "connected" && connection["tokenExpiresMs"].is_null());
    assert!(
        status["outbox"]["messages"].as_u64() > Some(0)
            && status["outbox"]["oldestAgeMs"].is_number()
    );
    let words = device.operate(&["status"]).stdout;
    assert!(
        words.contains(", disconnected since") && words.contains("last error   "),
        "{words}"
    );

    device.cloud.fault(&["refuse", "off"]);
    host.stderr.wait_for("connected after");
    let words = device.operate(&["status"]).stdout;
    assert!(
        words.contains(", connected since") && words.contains("SAS token expires in"),
        "{words}"
    );
    assert_eq!(device.status()["connection"]["connects"], 2);
}

#[test]
fn the_limits_in_force_are_shown_beside_what_is_used() {
    let device = Device::new();
    let host = device.host(&guest("sequence")).arg("--limit=memory=32MiB");
    let mut host = host.set("interval", "20ms").start();
    host.stdout.wait_for("Sent message");
    let status = device.status();
    assert_eq!(status["limits"]["memory"], 32 << 20);
    assert_eq!(status["limits"]["cpu"], 1000);
    assert!(status["calls"]["memoryBytes"].as_u64() < Some(32 << 20));
    let (longest, together) = (&status["calls"]["longestMs"], &status["calls"]["totalMs"]);
    assert!(longest.as_f64() > Some(0.0) && longest.as_f64() <= together.as_f64());
    let words = device.operate(&["status"]).stdout;
    for part in [
        " ms, longest ",
        "limits       memory 32 MiB, ",
        ", log-rate 100, ",
    ] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn without_being_asked_for_more_the_log_tells_an_outage_with_its_end_and_nothing_else() {
    let device = Device::new();
    let host = device.host(&guest("sequence")).env("HOST_VERBOSE", "0");
    let mut host = host.set("interval", "20ms").start();
    host.stdout.wait_for("Sent message");
    device.cloud.fault(&["reset"]);
    host.stderr
        .wait_for("not connected: the connection was reset");
    host.stderr.wait_for("connected after");
    assert_eq!(host.stderr.lines().len(), 2, "{}", host.stderr.text());
}

#[test]
fn an_address_that_is_taken_ends_the_host_with_a_word_of_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let device = Device::new();
    let host = device
        .host(&guest("sequence"))
        .arg("--metrics")
        .arg(&address);
    let answer = host.to_its_end();
    assert_eq!(answer.code, 2);
    let line = answer.stderr.lines().last().expect("a line");
    assert!(
        line.starts_with(&format!("error: cannot serve metrics at {address}: ")),
        "{line}"
    );
    assert!(
        line.ends_with("choose another address with --metrics"),
        "{line}"
    );
}

#[test]
fn a_device_that_was_refused_need_not_wait_once_that_is_mended() {
    let device = Device::new();
    let mut host = device.start(&guest("sequence"));
    device.cloud.fault(&["connack", "--code", "5"]);
    device.cloud.fault(&["reset"]);
    // Once by the hub it knew, and once by the one DPS has named since.
    host.stderr.wait_for("requesting an assignment from DPS");
    host.stderr.wait_for("cause=\"refused\"");
    let next = device.status()["connection"]["nextAttemptMs"].as_f64();
    assert!(next > Some(200_000.0), "{next:?}");
    device.cloud.fault(&["connack", "off"]);
    let answer = device.operate(&["reconnect"]);
    assert_eq!((answer.code, &*answer.stdout), (0, "connecting"));
    host.stderr.wait_for("connected after");
    // A connection that stands is replaced.
    let answer = device.operate(&["reconnect", "--json"]);
    assert_eq!(answer.json()["previousState"], "connected");
    let mut events = device.cloud.events();
    for _ in 0..3 {
        events.next("connected");
    }
    assert!(device.status()["connection"]["disconnects"]["reset"] == 1);
}

#[test]
fn a_handshake_that_hangs_gives_way_to_another_on_request() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = device.start(&guest("sequence"));
    events.next("connected");
    device.cloud.fault(&["tls-stall"]);
    device.cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    host.stderr.wait_for("connecting hub=");
    let answer = device.operate(&["reconnect"]);
    assert_eq!((answer.code, &*answer.stdout), (0, "connecting anew"));
    host.stderr.wait_for("attempt canceled on request");
    device.cloud.fault(&["tls-stall", "off"]);
    // The second attempt may hang as well.
    device.operate(&["reconnect"]);
    events.next("connected");
    let failures = &device.status()["connection"]["connectFailures"];
    assert!(failures.get("timed-out").is_none(), "{failures}");
    assert_eq!(host.stop(), Some(0));
}
