//! File systems of a test's own, which can be filled and made to fail.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::{host::HostCommand, process::Process};

/// Debian's Python, for which its packages are.
const PYTHON: &str = "/usr/bin/python3";

/// The kind of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// ext4 in an image of 4 MiB, on a loop device.
    Ext4,
    /// 4 MiB of memory.
    Tmpfs,
    /// One that fails on demand, in user space.
    Failing,
}

/// A file system in a mount namespace of its own, unmounted when this is dropped.
pub struct Volume {
    holder: Process,
    dir: TempDir,
}

impl Volume {
    /// Mounts a file system; `None`, said aloud, where that is not permitted.
    ///
    /// # Panics
    /// It cannot be mounted by root, or in CI.
    pub fn mount(kind: FileSystem) -> Option<Self> {
        if let Some(missing) = missing(kind) {
            assert!(std::env::var_os("CI").is_none(), "CI lacks {missing}");
            eprintln!("SKIPPED: to mount {kind:?} takes {missing}");
            return None;
        }
        let dir = TempDir::new().expect("a directory");
        for name in ["mount", "folder"] {
            fs::create_dir(dir.path().join(name)).expect("a directory");
        }
        let mount = match kind {
            FileSystem::Ext4 => {
                "truncate -s 4M image && mkfs.ext4 -q -F -m 0 image && mount -o loop image mount"
                    .to_owned()
            }
            FileSystem::Tmpfs => "mount -t tmpfs -o size=4m none mount".to_owned(),
            FileSystem::Failing => format!(
                "{{ {PYTHON} {}/src/failing_disk.py folder mount fault </dev/null >/dev/null & }} && \
                 until mountpoint -q mount; do kill -0 $! && sleep 0.05 || exit; done",
                env!("CARGO_MANIFEST_DIR")
            ),
        };
        // The mounts end with the namespace; one in user space has a process of its own in it.
        let script =
            format!("{mount} && chmod 700 mount && echo mounted && read -r _; umount -l mount");
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .current_dir(dir.path());
        let mut holder = Process::start("the mount", &mut command);
        holder.stdout.wait_for("mounted");
        Some(Self { holder, dir })
    }

    /// A path on it, for processes in its namespace.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("mount").join(name)
    }

    /// The same for all others.
    pub fn outside(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let path = path.strip_prefix("/").expect("it is absolute");
        Path::new("/proc")
            .join(self.holder.id().to_string())
            .join("root")
            .join(path)
    }

    /// The id of a process in its namespace.
    pub(crate) fn process(&self) -> u32 {
        self.holder.id()
    }

    /// Fills it, to the last byte but so many.
    pub fn fill_but(&self, left: usize) {
        let reserve = self.outside("reserve");
        fs::write(&reserve, vec![1; left]).expect("there is room for it");
        let mut file = File::create(self.outside("filling")).expect("it can be created");
        for size in [4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        fs::remove_file(reserve).expect("it is there");
    }

    /// Removes what filled it.
    pub fn free(&self) {
        fs::remove_file(self.outside("filling")).expect("it was filled");
    }

    /// Lets writes fail with this error, such as `EIO`; `None` lets them work again.
    pub fn fail(&self, errno: Option<&str>) {
        let fault = self.dir.path().join("fault");
        fs::write(fault, errno.unwrap_or_default()).expect("it can be written");
    }

    /// Lets processes in its namespace see this id of the machine's boot.
    ///
    /// # Panics
    /// It cannot be set.
    pub fn set_boot_id(&self, id: &str) {
        let file = self.dir.path().join(format!("boot-{id}"));
        fs::write(&file, id).expect("it can be written");
        let status = Command::new("nsenter")
            .args(["--mount", "--target", &self.process().to_string()])
            .args(["mount", "--bind"])
            .arg(file)
            .arg("/proc/sys/kernel/random/boot_id")
            .status();
        assert!(status.expect("nsenter runs").success());
    }

    /// `host` with these arguments, about the device whose state is on it.
    pub fn operate(&self, arguments: &[&str]) -> crate::Answer {
        let host = HostCommand::bare().on(self);
        arguments.iter().fold(host, HostCommand::arg).to_its_end()
    }
}

/// What this machine lacks to mount such a file system.
fn missing(kind: FileSystem) -> Option<&'static str> {
    let runs = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.is_ok_and(|output| output.status.success())
    };
    match kind {
        _ if !geteuid().is_root() => Some("root"),
        FileSystem::Ext4 if !runs("mkfs.ext4", &["-V"]) => Some("mkfs.ext4 (Debian: e2fsprogs)"),
        FileSystem::Failing if !runs(PYTHON, &["-c", "import fusepy"]) => {
            Some("fusepy (Debian: python3-fusepy)")
        }
        FileSystem::Ext4 | FileSystem::Tmpfs | FileSystem::Failing => None,
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Unmounted by the script; all that is left of it is its end.
        self.holder.close_stdin();
        self.holder.ends();
    }
}
