//! Text for a shell.

use serde_json::json;

use super::{command_error::CommandError, device_environment::Variables, output};

/// Quotes a word, if necessary.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Prints the environment of a device program: lines for `eval`, or a JSON document.
pub(crate) fn print_environment(
    device: &str,
    variables: Variables,
    json: bool,
) -> Result<(), CommandError> {
    if json {
        let variables: serde_json::Map<_, _> = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        return output::document(json!({"deviceId": device, "environment": variables}));
    }
    variables
        .iter()
        .try_for_each(|(name, value)| output::line(&format!("export {name}={}", quoted(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(quoted("localhost:8883"), "localhost:8883");
        assert_eq!(quoted("a$b (c)'d"), "'a$b (c)'\\''d'");
        assert_eq!(quoted(""), "''");
    }
}
