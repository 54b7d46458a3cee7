//! How a device ends, and how it does not.

use end_to_end::{Cloud, HostCommand, Process, Signal, thermostat};

fn running(cloud: &Cloud) -> Process {
    let mut host = HostCommand::of(&thermostat())
        .set("telemetry-interval", "100ms")
        .enrolled(cloud, "thermostat-01")
        .start();
    host.stdout.wait_for("Sent message");
    host
}

/// It ends with exit code 0, and says goodbye to the hub.
fn assert_ends_well(end: impl FnOnce(&mut Process)) {
    let cloud = Cloud::start();
    let mut host = running(&cloud);
    end(&mut host);
    assert_eq!(host.wait().code(), Some(0));
    let disconnected = cloud.events().next("disconnected");
    assert_eq!(
        disconnected
            .get("reason")
            .and_then(|reason| reason.as_str()),
        Some("device disconnected")
    );
}

#[test]
fn ctrl_c_ends_it() {
    assert_ends_well(|host| host.signal(Signal::INT));
}

#[test]
fn sigterm_ends_it() {
    assert_ends_well(|host| host.signal(Signal::TERM));
}

#[test]
fn a_line_q_ends_it() {
    assert_ends_well(|host| host.type_line("q"));
}

#[test]
fn other_lines_do_not_end_it() {
    assert_ends_well(|host| {
        host.type_line("quiet");
        host.type_line("");
        host.stdout.wait_for("Sent message");
        host.type_line("Q");
    });
}

#[test]
fn the_end_of_standard_input_does_not_end_it() {
    let cloud = Cloud::start();
    let mut host = running(&cloud);
    host.close_stdin();
    assert_eq!(cloud.call(&["getMaxMinReport"]).status, 200);
    for _ in 0..5 {
        host.stdout.wait_for("Sent message");
    }
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn it_ends_while_it_is_not_connected() {
    let cloud = Cloud::start();
    let mut host = running(&cloud);
    cloud.fault(&["refuse", "on"]);
    cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn the_device_starts_again_where_it_was_known() {
    let cloud = Cloud::start();
    assert_eq!(running(&cloud).stop(), Some(0));
    assert_eq!(running(&cloud).stop(), Some(0));
}
