//! Excerpts of texts that peers chose, for the log.

/// The longest excerpt, in characters.
const MAX_CHARACTERS: usize = 200;

/// Returns the start of a text, with control characters and quotes escaped.
pub(crate) fn excerpt(text: &str) -> String {
    cut(text.chars().flat_map(char::escape_debug))
}

/// Returns the start of a sentence about a peer, whose quotations are escaped already.
pub(crate) fn start_of(sentence: &str) -> String {
    cut(sentence.chars())
}

fn cut(characters: impl Iterator<Item = char>) -> String {
    let mut characters = characters.peekable();
    let mut start: String = characters.by_ref().take(MAX_CHARACTERS).collect();
    if characters.peek().is_some() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_excerpt_is_short_and_printable_whatever_the_text(text in any::<String>(), times in 0..1000_usize) {
            let excerpt = excerpt(&text.repeat(times));
            prop_assert!(excerpt.chars().count() <= MAX_CHARACTERS + 1);
            prop_assert!(!excerpt.chars().any(char::is_control));
        }
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        assert_eq!(excerpt("mac-aa:bb"), "mac-aa:bb");
        assert_eq!(excerpt("\u{1b}[2J"), "\\u{1b}[2J");
        let long = "x".repeat(MAX_CHARACTERS);
        assert_eq!(start_of(&long), long);
        assert_eq!(start_of(&format!("{long}y")), format!("{long}…"));
    }
}
