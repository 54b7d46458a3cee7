//! Options of the store: place and retention.

use std::{path::Path, time::Duration};

use bytesize::ByteSize;
use clap::Args;
use cloud::store::{Retention, StoreLocation};
use jiff::{Span, SpanRelativeTo};

/// The name of the database in the cloud's directory.
const DATABASE_FILE: &str = "cloud.db";
/// Room for some two million events of a few properties each.
const DEFAULT_SIZE: ByteSize = ByteSize::gib(1);
/// Small, because it is memory.
const DEFAULT_EPHEMERAL_SIZE: ByteSize = ByteSize::mib(128);
/// An empty store takes some tens of KiB; with less room, every event would be removed at once.
const MIN_SIZE: ByteSize = ByteSize::mib(1);

#[derive(Args)]
pub(crate) struct RetentionArgs {
    /// Store devices, enrollments, twins and events in memory only
    #[arg(long, help_heading = "Storage", env = "CLOUD_EPHEMERAL")]
    ephemeral: bool,
    /// Age at which events are deleted, such as 12h or 30d
    #[arg(long, help_heading = "Storage", env = "CLOUD_RETENTION", default_value = "7d", value_name = "DURATION", value_parser = age)]
    retention: Duration,
    /// Size of the store above which events are deleted, the oldest of the device that has most [default: 1GiB, 128MiB with --ephemeral]
    #[arg(long, help_heading = "Storage", env = "CLOUD_RETENTION_SIZE", value_name = "SIZE", value_parser = size)]
    retention_size: Option<ByteSize>,
}

impl RetentionArgs {
    /// Returns the place of the store of the cloud in this directory.
    pub(crate) fn place(&self, dir: &Path) -> StoreLocation {
        match self.ephemeral {
            true => StoreLocation::Memory,
            false => StoreLocation::File(dir.join(DATABASE_FILE)),
        }
    }

    pub(crate) fn retention(&self) -> Retention {
        let default = if self.ephemeral {
            DEFAULT_EPHEMERAL_SIZE
        } else {
            DEFAULT_SIZE
        };
        Retention {
            age: self.retention,
            bytes: self.retention_size.unwrap_or(default).as_u64(),
        }
    }
}

fn age(text: &str) -> Result<Duration, String> {
    let span: Option<Span> = text.parse().ok();
    let age = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    age.and_then(|age| Duration::try_from(age).ok())
        .filter(|age| !age.is_zero())
        .ok_or_else(|| {
            "write a duration above zero with its unit, such as 90m, 12h or 7d".to_owned()
        })
}

fn size(text: &str) -> Result<ByteSize, String> {
    let size: Option<ByteSize> = text.parse().ok();
    size.filter(|size| *size >= MIN_SIZE)
        .ok_or_else(|| "write a size of 1MiB or more, such as 512MiB or 8GiB".to_owned())
}
