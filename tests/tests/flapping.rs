//! A link that breaks every few seconds: everything arrives, and nothing grows. `SOAK=1` takes an hour of it, `FLAP_SECONDS`
//! so many seconds.

use std::{
    env,
    time::{Duration, Instant},
};

use end_to_end::{Device, Holdings, guest};

/// How long the link flaps, in the short test and in the long one.
const LASTS: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(3600));
/// How long the link holds, in milliseconds.
const HOLDS: [u64; 5] = [1000, 3500, 2000, 5000, 1500];
/// The most messages a broken connection may bring twice.
const WINDOW: usize = 32;

#[test]
fn everything_arrives_over_a_link_that_flaps_and_nothing_grows() {
    let seconds = env::var("FLAP_SECONDS").ok();
    let lasts = match (seconds, env::var_os("SOAK")) {
        (Some(seconds), _) => Duration::from_secs(seconds.parse().expect("a number")),
        (None, Some(_)) => LASTS.1,
        (None, None) => LASTS.0,
    };
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "100ms")
        .start();
    host.stdout.wait_for("Sent message");
    let began = Instant::now();
    let (mut early, mut breaks, mut told) = (None, 0, Instant::now());
    while began.elapsed() < lasts {
        let holds = Duration::from_millis(HOLDS[breaks % HOLDS.len()]);
        let connected = Instant::now();
        while connected.elapsed() < holds {
            events.next("telemetry");
        }
        device.cloud.fault(&["reset"]);
        breaks += 1;
        events.next("connected");
        if early.is_none() && began.elapsed() > lasts / 4 {
            early = Some(Holdings::of(&host, &device.state()));
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            let holdings = Holdings::of(&host, &device.state());
            println!("{:?}: {breaks} breaks, {holdings:?}", began.elapsed());
        }
    }
    let count = device.cloud.call(&["count"]).payload.as_u64();
    let numbers = events.numbers(count.expect("a number"));
    let late = Holdings::of(&host, &device.state());
    let early = early.expect("it took longer");
    println!(
        "{breaks} breaks in {:?}, {} numbers, {} twice\nafter a quarter {early:?}\nat the end      {late:?}",
        began.elapsed(),
        numbers.highest,
        numbers.twice
    );
    assert!(numbers.twice <= breaks * WINDOW);
    if lasts > LASTS.0 {
        // Less than that is warming up.
        late.is_no_more_than(&early);
    }
    // Six outages in ten minutes are told in two lines each, and the end.
    let lines = host.stderr.lines();
    let told = lines.iter().filter(|line| line.contains(" connection: "));
    let most = 14 * (1 + lasts.as_secs() as usize / 600);
    assert!(told.count() <= most, "{}", host.stderr.text());
}
