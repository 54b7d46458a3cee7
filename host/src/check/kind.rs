//! Checks that the file starts with the header of a component.

use super::finding::{Checked, Finding};
use crate::guest::compile::ComponentSource;

pub(super) const NAME: &str = "kind";

pub(super) fn check(source: &ComponentSource) -> Checked<()> {
    match source.check_header() {
        Ok(()) => Ok((Finding::ok("a WebAssembly component"), ())),
        Err(error) => Err(Finding::error(format!(
            "not a WebAssembly component: {}",
            error.reason()
        ))),
    }
}
