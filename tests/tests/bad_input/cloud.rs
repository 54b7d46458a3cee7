//! What the cloud refuses, and what is in a cloud's own way.

use end_to_end::{Cloud, HostCommand, thermostat};

use super::{KEY, REFUSED, ends};

#[test]
fn a_cloud_that_refuses_the_device_ends_it() {
    let cloud = Cloud::start();
    let wrong = |name: &str, value: &str| {
        HostCommand::bare()
            .arg("--component")
            .arg(thermostat())
            .enrolled(&cloud, "known")
            .env(name, value)
    };
    ends(
        wrong("IOTHUB_DEVICE_DPS_DEVICE_KEY", KEY),
        REFUSED,
        &["known", "check the ID scope", "key"],
    );
    ends(
        wrong("IOTHUB_DEVICE_DPS_ID_SCOPE", "0neFFFFFFFF"),
        REFUSED,
        &["0neFFFFFFFF", "check the ID scope"],
    );
    ends(
        wrong("IOTHUB_DEVICE_DPS_DEVICE_ID", "stranger"),
        REFUSED,
        &["stranger", "registration ID"],
    );
    let hub = cloud.running()["hubName"].clone();
    let string = format!(
        "HostName={};DeviceId=known;SharedAccessKey={KEY}",
        hub.as_str().expect("a name")
    );
    ends(
        wrong("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString")
            .env("IOTHUB_DEVICE_CONNECTION_STRING", string),
        REFUSED,
        &["CONNACK 5", "key"],
    );
}

#[test]
fn a_first_start_with_a_certificate_nobody_vouches_for_goes_on_once_it_is_the_right_one() {
    let cloud = Cloud::start();
    let state = tempfile::tempdir().expect("a directory");
    cloud.fault(&["wrong-certificate", "--flaw", "unknown-ca"]);
    let mut host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "known")
        .state_dir(state.path())
        .start();
    let line = host.stderr.wait_for("not connected");
    for words in [
        "certificate",
        "--ca FILE or SSL_CERT_FILE",
        "next_attempt_in_ms=",
    ] {
        assert!(line.contains(words), "no {words:?} in: {line}");
    }
    cloud.fault(&["wrong-certificate", "off"]);
    let reconnect = HostCommand::bare().arg("reconnect").state_dir(state.path());
    assert_eq!(reconnect.to_its_end().code, 0);
    host.stdout.wait_for("Sent message");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_certificate_named_with_ca_is_trusted() {
    let cloud = Cloud::start();
    let other = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "known")
        .env("SSL_CERT_FILE", other.certificate())
        .arg("--ca")
        .arg(cloud.certificate())
        .start();
    host.stdout.wait_for("Sent message");
}

#[test]
fn a_command_with_a_payload_the_device_cannot_use_is_refused_by_name() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "t-1")
        .start();
    host.stdout.wait_for("Listening");
    let reply = cloud.call(&["getMaxMinReport", "yesterday"]);
    assert_eq!(reply.status, 400);
    assert!(
        reply.payload["error"].to_string().contains("yesterday"),
        "{:?}",
        reply.payload
    );
}

#[test]
fn the_cloud_says_what_is_in_its_way() {
    let cloud = Cloud::start();
    let running = cloud.running();
    let mqtt = running["mqtt"].as_str().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path");

    let taken = cloud.operate(&[
        "run",
        "--dir",
        path,
        "--mqtt",
        mqtt,
        "--https",
        "127.0.0.1:0",
    ]);
    assert_eq!(taken.code, 2, "{}", taken.stderr);
    assert!(taken.stderr.contains(mqtt), "{}", taken.stderr);

    let locked = cloud.operate(&["run", "--mqtt", "127.0.0.1:0", "--https", "127.0.0.1:0"]);
    assert_eq!(locked.code, 2, "{}", locked.stderr);

    let nobody = cloud.operate(&["twin", "--device", "nobody"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("nobody"), "{}", nobody.stderr);

    let absent = cloud.operate(&["twin", "--dir", path]);
    assert!(
        absent.stderr.contains("no cloud is running"),
        "{}",
        absent.stderr
    );
    for answer in [taken, locked, nobody, absent] {
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    }
}
