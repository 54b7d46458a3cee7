//! Returns an error from `init`. Proves that the text reaches the owner and that a swap to it changes nothing.
#![cfg(target_family = "wasm")]

use test_guests::{Device, Start};

struct Never;

impl Device for Never {
    const NAME: &'static str = "init-err";

    fn init(_start: Start) -> Result<Self, String> {
        Err("this device never begins".to_owned())
    }
}

test_guests::device!(Never);
