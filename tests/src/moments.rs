//! Random choices that can be made again.

use std::{env, time::SystemTime};

/// A sequence of random numbers (xorshift), from a seed that is printed: `SEED=…` takes the same one again.
pub struct Moments(u64);

impl Moments {
    /// Begins with the seed of the environment, or with one of the clock's.
    pub fn new() -> Self {
        let given = env::var("SEED").ok();
        let seed = given.map(|seed| seed.parse().expect("SEED is a number"));
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.map_or(1, |time| time.as_nanos() as u64)
        });
        println!("SEED={seed}");
        Self(seed | 1)
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// One of these.
    pub fn one<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}

impl Default for Moments {
    fn default() -> Self {
        Self::new()
    }
}
