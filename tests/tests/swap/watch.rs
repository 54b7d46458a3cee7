//! Ways a watched file comes to have other content.

use std::{fs, os::unix::fs::symlink, path::Path};

use end_to_end::{Device, guest, sha256, version};

use super::steps;

fn turn(link: &Path, release: &Path) {
    let new = link.with_extension("new");
    symlink(release, &new).expect("it can be made");
    fs::rename(new, link).expect("it can be moved");
}

#[test]
fn a_watched_file_takes_over_when_the_directory_it_is_in_is_another_one() {
    let device = Device::new();
    let releases = [1, 2, 3].map(|number| {
        let release = device.path(&format!("release-{number}"));
        fs::create_dir(&release).expect("it can be made");
        let file = release.join("device.wasm");
        fs::write(file, version(&guest("sequence"), number)).expect("it can be written");
        release
    });
    let current = device.path("current");
    turn(&current, &releases[0]);
    let file = current.join("device.wasm");
    let mut host = device.host(&file).arg("--watch").start();
    host.stdout.wait_for("Listening");
    let first = device.runs();
    // Twice, because what is watched is another directory afterwards.
    for release in &releases[1..] {
        turn(&current, release);
        host.stdout.wait_for("Swapped to sequence");
        assert_eq!(device.runs(), sha256(&release.join("device.wasm")));
        host.stdout.wait_for("Accepted sequence");
    }
    assert_ne!(device.runs(), first);
    assert_eq!(steps(&device), ["started", "accepted"].repeat(2));
}

#[test]
fn half_of_a_watched_file_changes_nothing_and_the_whole_file_takes_over() {
    let device = Device::new();
    let file = device.path("device.wasm");
    fs::copy(guest("sequence"), &file).expect("it can be copied");
    let mut host = device.host(&file).arg("--watch").start();
    host.stdout.wait_for("Listening");
    let first = device.runs();
    let bytes = version(&guest("sequence"), 1);
    let (half, _) = bytes.split_at(bytes.len() / 2);
    fs::write(&file, half).expect("it can be written");
    host.stderr.wait_for("swap rejected");
    assert_eq!(device.runs(), first);
    fs::write(&file, &bytes).expect("it can be written");
    host.stdout.wait_for("Swapped to sequence");
    assert_eq!(device.runs(), sha256(&file));
}
