//! A certificate authority that is renewed while hosts run.

use end_to_end::{Cloud, HostCommand, guest};

#[test]
fn a_renewed_authority_is_trusted_by_the_next_connect_without_a_restart() {
    let mut cloud = Cloud::start();
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "c-1")
        .start();
    host.stdout.wait_for("Listening");
    cloud.renew_authority();
    // Once the host has connected again.
    assert_eq!(cloud.call(&["count"]).status, 200);
    let log = host.stderr.text();
    assert!(!log.contains("certificate of"), "{log}");
    assert_eq!(host.stop(), Some(0));
}
