//! The example of `examples/beacon`: a component as a newcomer begins with it.

use end_to_end::{Cloud, HostCommand, beacon};
use jiff::Timestamp;

#[test]
fn it_passes_every_check() {
    let checked = HostCommand::bare().arg("check").arg(beacon()).to_its_end();
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let mut checks = checked.stdout.lines().take_while(|line| !line.is_empty());
    assert!(
        checks.all(|check| check.starts_with("ok ")),
        "{}",
        checked.stdout
    );
}

#[test]
fn it_sends_the_time_every_second() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let _host = HostCommand::of(&beacon())
        .enrolled(&cloud, "beacon-1")
        .start();
    let mut sent = || events.next("telemetry")["body"]["time"].as_f64();
    let first = sent().expect("a number");
    let second = sent().expect("a number");
    let now = Timestamp::now().as_millisecond() as f64;
    assert!((now - 60_000.0..=now).contains(&first), "{first} at {now}");
    assert!(second > first, "{first}, {second}");
}
