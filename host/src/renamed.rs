//! Words of earlier versions, for errors that name the new word.

/// Options, variables and limits: the old and the new word.
const WORDS: [(&str, &str); 5] = [
    ("--telemetry-interval", "--set telemetry-interval=DURATION"),
    ("--token-life", "--sas-token-ttl"),
    (
        "HOST_TELEMETRY_INTERVAL",
        "HOST_SET=telemetry-interval=DURATION",
    ),
    ("HOST_TOKEN_LIFE", "HOST_SAS_TOKEN_TTL"),
    ("parts", "instances"),
];

/// Returns an error that names the new word, if this is an old one.
pub(crate) fn renamed(word: &str) -> Option<String> {
    let (old, new) = WORDS.iter().find(|(old, _)| *old == word)?;
    Some(format!("{old} is now {new}"))
}

/// Returns the old variables.
pub(crate) fn variables() -> impl Iterator<Item = &'static str> {
    let words = WORDS.iter().map(|(old, _)| *old);
    words.filter(|old| old.starts_with("HOST_"))
}
