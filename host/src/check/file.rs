//! Checks that the file can be read.

use std::path::Path;

use super::finding::{Checked, Finding};
use crate::{
    guest::{Limits, compile::ComponentSource},
    units::format_bytes,
};

pub(super) const NAME: &str = "file";

pub(super) fn check(path: &Path, limits: &Limits) -> Checked<ComponentSource> {
    let source = ComponentSource::read_unchecked(path, limits)
        .map_err(|error| Finding::error(error.reason()))?;
    let bytes = source.bytes().len() as u64;
    let finding = Finding::ok(format!(
        "{}, sha256 {}",
        format_bytes(bytes),
        source.sha256()
    ))
    .with("bytes", bytes)
    .with("sha256", &**source.sha256());
    Ok((finding, source))
}
