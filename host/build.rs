//! Records the time of the build, which no correct clock shows a time before.

use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let reproducible = env::var("SOURCE_DATE_EPOCH").ok();
    let reproducible = reproducible.filter(|seconds| seconds.parse::<i64>().is_ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs().to_string();
    println!(
        "cargo::rustc-env=BUILD_TIME={}",
        reproducible.unwrap_or(now)
    );
}
