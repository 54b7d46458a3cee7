//! Power cuts during a probation.

use end_to_end::{FileSystem, Process, Signal, Volume, guest, sha256, version};

use crate::Site;

#[test]
fn power_cuts_do_not_withdraw_a_version_and_two_kills_within_one_boot_do() {
    let Some(volume) = Volume::mount(FileSystem::Tmpfs) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let new = dir.path().join("new.wasm");
    std::fs::write(&new, version(&guest("sequence"), 1)).expect("it can be written");
    let site = Site::on(volume);
    let start = |boot: &str| {
        site.volume.set_boot_id(boot);
        let mut host = site.host().env("HOST_PROBATION_TIME", "1h").start();
        host.stdout.wait_for("Listening");
        host
    };
    let kill = |mut host: Process| {
        host.signal(Signal::KILL);
        host.wait();
    };
    let running = || site.status()["running"]["sha256"].clone();
    let host = start("1");
    let swap = site
        .volume
        .operate(&["swap", new.to_str().expect("it is text")]);
    assert_eq!(swap.code, 0, "{}", swap.stderr);
    kill(host);
    for boot in ["2", "3", "4"] {
        let mut host = start(boot);
        let line = host.stderr.wait_for("probation resumed");
        assert!(line.contains("the machine was restarted"), "{line}");
        assert!(line.contains("INFO"), "{line}");
        assert_eq!(running(), sha256(&new));
        kill(host);
    }
    let host = start("4");
    assert_eq!(running(), sha256(&new));
    kill(host);
    let _host = start("4");
    assert_eq!(running(), sha256(&guest("sequence")));
}
