//! The file begins as a component does.

use super::finding::{Checked, Finding};
use crate::guest::compile::Source;

pub(super) const NAME: &str = "kind";

pub(super) fn check(source: &Source) -> Checked<()> {
    match source.check_kind() {
        Ok(()) => Ok((Finding::ok("a WebAssembly component"), ())),
        Err(error) => Err(Finding::error(format!(
            "not a WebAssembly component: {}",
            error.reason()
        ))),
    }
}
