//! The cloud under the load of many devices, and killed under it. `SOAK=1` kills it more often.

use std::env;

use end_to_end::{Cloud, Load, Signal};

/// How often the cloud is killed in the short test and in the long one.
const KILLS: (u64, u64) = (3, 50);
/// Messages that come before it is killed: so many more each time, up to a bound.
const MESSAGES: u64 = 701;
const MOST: u64 = 5000;

#[test]
fn every_message_of_many_devices_is_acknowledged_and_stored() {
    let cloud = Cloud::start();
    let arguments = ["--devices", "200", "--rate", "1000", "--duration", "3s"];
    let load = Load::run(&cloud, &arguments);
    assert_eq!(load.count("due"), 3000);
    assert_eq!(load.count("acknowledged"), 3000);
    assert_eq!(load.missing(&cloud), []);
}

#[test]
fn what_a_killed_cloud_had_acknowledged_is_there_when_it_starts_again() {
    let kills = match env::var_os("SOAK") {
        Some(_) => KILLS.1,
        None => KILLS.0,
    };
    let mut cloud = Cloud::start();
    let (mut acknowledged, mut earlier) = (0, Vec::new());
    for kill in 1..=kills {
        let mut events = cloud.events();
        let arguments = ["--devices", "50", "--rate", "2000", "--duration", "1h"];
        let load = Load::begin(&cloud, &arguments);
        let mut left = kill * MESSAGES % MOST;
        let device = events.find("messages", |event| {
            let device = event["device"].as_str()?;
            let name = device.rsplit_once('-')?.0;
            let new = event["type"] == "telemetry" && !earlier.iter().any(|of| of == name);
            left -= u64::from(new);
            (left == 0).then(|| device.to_owned())
        });
        cloud.process.signal(Signal::KILL);
        let load = Load::end(load);
        cloud.kill_and_start_again();
        let missing = load.missing(&cloud);
        assert!(missing.is_empty(), "kill {kill}: {missing:?}");
        // That it was registered was acknowledged too.
        let twin = cloud.ask(&["twin", "--json", "--device", &device]);
        assert_eq!(twin["deviceId"], device);
        acknowledged += load.count("acknowledged");
        earlier.push(load.name());
    }
    assert!(acknowledged > 0);
    println!("{kills} kills: {acknowledged} messages were acknowledged, none is missing");
}
