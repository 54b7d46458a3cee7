//! Traps in `init`. Proves that a trap there is treated as an error there.
#![cfg(target_family = "wasm")]

use test_guests::{Device, Start};

struct Never;

impl Device for Never {
    const NAME: &'static str = "init-trap";

    fn init(_start: Start) -> Result<Self, String> {
        std::process::abort()
    }
}

test_guests::device!(Never);
