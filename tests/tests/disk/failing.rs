//! A disk whose writes fail, and which works again.

use end_to_end::{FileSystem, Signal, Volume};

use crate::{Site, lines};

#[test]
fn a_device_goes_on_while_writes_fail_and_keeps_everything_once_they_work() {
    for (errno, reason, remedy) in [
        ("EIO", "Input/output error", "check the disk"),
        ("EROFS", "Read-only file system", "remount it"),
    ] {
        let Some(volume) = Volume::mount(FileSystem::Failing) else {
            return;
        };
        let mut site = Site::on(volume);
        let mut host = site.start();
        site.volume.fail(Some(errno));
        let line = host.stderr.wait_for("running degraded");
        assert!(line.contains(reason) && line.contains(remedy), "{line}");
        let status = site.store_status("failing", |it| it["writeFailures"].as_u64() > Some(1));
        assert!(status["degradedSince"].is_string());
        // Telemetry leaves and commands are answered.
        let counted = site.counted();
        site.events.numbers(counted + 20);

        site.volume.fail(None);
        host.stderr.wait_for("disk recovered");
        assert_eq!(lines(&host, "running degraded"), 1);
        let before = site.counted();
        site.events.numbers(before);
        host.signal(Signal::KILL);
        host.wait();
        let mut host = site.start();
        let after = site.counted();
        assert!(after >= before, "{after} after {before}");
        site.events.numbers(after);

        // An end that was asked for is an end.
        site.volume.fail(Some(errno));
        host.stderr.wait_for("running degraded");
        assert_eq!(host.stop(), Some(0));
        assert_eq!(lines(&host, "stopped while the disk fails"), 1);
    }
}
