//! The file can be read.

use std::path::Path;

use super::finding::{Checked, Finding};
use crate::{
    amount::show_bytes,
    guest::{Limits, compile::Source},
};

pub(super) const NAME: &str = "file";

pub(super) fn check(path: &Path, limits: &Limits) -> Checked<Source> {
    let source = Source::read_any(path, limits).map_err(|error| Finding::error(error.reason()))?;
    let bytes = source.bytes().len() as u64;
    let finding = Finding::ok(format!("{}, sha256 {}", show_bytes(bytes), source.sha256()))
        .with("bytes", bytes)
        .with("sha256", &**source.sha256());
    Ok((finding, source))
}
