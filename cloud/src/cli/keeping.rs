//! What the cloud keeps, and for how long.

use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use cloud::store::{Place, Retention};
use jiff::{Span, SpanRelativeTo};

/// Of the cloud's directory.
const FILE: &str = "cloud.db";
/// Room for some two million events of a few properties each.
const ON_DISK: ByteSize = ByteSize::gib(1);
/// What a test or a trial takes without being noticed.
const IN_MEMORY: ByteSize = ByteSize::mib(128);
/// An empty store takes some tens of KiB: with less room no event would stay.
const LEAST: ByteSize = ByteSize::mib(1);

#[derive(Args)]
pub(crate) struct Keeping {
    /// Keep nothing on disk: devices, enrolments, twins and events end with the cloud
    #[arg(long, env = "CLOUD_EPHEMERAL")]
    ephemeral: bool,
    /// Forget events older than this, such as 12h or 30d
    #[arg(long, env = "CLOUD_KEEP", default_value = "7d", value_name = "TIME", value_parser = time)]
    keep: Duration,
    /// Forget the oldest events while everything together takes more than this [default: 1GiB, with --ephemeral 128MiB]
    #[arg(long, env = "CLOUD_KEEP_SIZE", value_name = "SIZE", value_parser = size)]
    keep_size: Option<ByteSize>,
}

impl Keeping {
    /// Where the store of the cloud in this directory is.
    pub(crate) fn place(&self, dir: &Path) -> Place {
        match self.ephemeral {
            true => Place::Memory,
            false => Place::File(dir.join(FILE)),
        }
    }

    pub(crate) fn retention(&self) -> Retention {
        let usual = if self.ephemeral { IN_MEMORY } else { ON_DISK };
        Retention {
            age: self.keep,
            bytes: self.keep_size.unwrap_or(usual).as_u64(),
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let span: Option<Span> = text.parse().ok();
    let time = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    time.and_then(|time| Duration::try_from(time).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "write a time above zero with its unit, such as 90m, 12h or 7d".to_owned())
}

fn size(text: &str) -> Result<ByteSize, String> {
    let size: Option<ByteSize> = text.parse().ok();
    size.filter(|size| *size >= LEAST)
        .ok_or_else(|| "write a size of 1MiB or more, such as 512MiB or 8GiB".to_owned())
}
