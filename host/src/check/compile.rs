//! Checks that the component can be compiled within its limits.

use std::time::Instant;

use super::finding::{Checked, Finding};
use crate::{
    guest::{
        Sandbox,
        compile::{Compiler, ComponentSource, Image},
    },
    units::milliseconds,
};

pub(super) const NAME: &str = "compile";

pub(super) async fn check(
    compiler: &Compiler,
    sandbox: &Sandbox,
    source: &ComponentSource,
) -> Checked<Image> {
    let began = Instant::now();
    let image = compiler.image(sandbox, source).await;
    let image = image.map_err(|error| Finding::error(error.reason()))?;
    let seconds = began.elapsed().as_secs_f64();
    let how = match image.was_cached() {
        true => "cached, loaded",
        false => "compiled",
    };
    let finding = Finding::ok(format!("{how} in {seconds:.3} s"))
        .with("durationMs", milliseconds(seconds))
        .with("compiledBefore", image.was_cached());
    Ok((finding, image))
}
