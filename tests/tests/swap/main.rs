//! Versions of a component in each other's place while the device runs.

mod restart;
mod socket;
mod state;
mod triggers;
mod watch;

use end_to_end::{Device, Process, guest};

/// Runs `sequence` with a message every 20 ms.
fn sequence(device: &Device) -> Process {
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .start();
    host.stdout.wait_for("Listening");
    host
}

fn steps(device: &Device) -> Vec<String> {
    let history = device.history();
    let steps = history
        .iter()
        .map(|entry| entry["step"].as_str().expect("a step"));
    steps.map(str::to_owned).collect()
}
