//! Parsing of localized texts.

use super::{diagnostic::Diagnostic, node::Node};
use crate::text::{DEFAULT_LANGUAGE, Text};

/// Parses a text of at most `max` characters.
pub(super) fn plain(node: &Node<'_>, max: usize) -> Result<String, Diagnostic> {
    let text = node.text()?;
    check_length(node, text, max)?;
    Ok(text.to_owned())
}

/// Parses a localized text of at most `max` characters per language: `"text"`, `{"en": "text"}` or
/// `[{"@value": "text", "@language": "en"}]`.
pub(super) fn localized(node: &Node<'_>, max: usize) -> Result<Text, Diagnostic> {
    let mut text = Text::default();
    if let Some(languages) = node.value.as_object() {
        for language in languages.keys() {
            let translation = node.member(language).unwrap_or_else(|| node.clone());
            insert(&mut text, &translation, language, max)?;
        }
        return Ok(text);
    }
    for node in node.set() {
        let language = node.member("@language");
        let language = language.map(|node| node.text()).transpose()?;
        let value = node.unwrapped()?;
        insert(&mut text, &value, language.unwrap_or(DEFAULT_LANGUAGE), max)?;
    }
    Ok(text)
}

fn insert(text: &mut Text, node: &Node<'_>, language: &str, max: usize) -> Result<(), Diagnostic> {
    let translation = node
        .value
        .as_str()
        .ok_or_else(|| node.unexpected("a string, or an object with a string per language"))?;
    check_length(node, translation, max)?;
    if !is_language(language) {
        return Err(node.error(format!(
            "invalid language {language:?}: expected a tag such as en or en-US"
        )));
    }
    match text.0.insert(language.to_owned(), translation.to_owned()) {
        None => Ok(()),
        Some(_) => Err(node.error(format!("duplicate language {language}"))),
    }
}

fn check_length(node: &Node<'_>, text: &str, max: usize) -> Result<(), Diagnostic> {
    let length = text.chars().count();
    if length > max {
        return Err(node.error(format!("{length} characters, at most {max} are allowed")));
    }
    Ok(())
}

/// Returns true for a language tag of DTDL: `en`, `en-US`, `es-419`, `zh-Hans`, `zh-Hans-CN`.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    let language = parts.next().unwrap_or_default();
    parts.next_if(|part| is_script(part));
    parts.next_if(|part| is_region(part));
    let letters = language.bytes().all(|byte| byte.is_ascii_lowercase());
    letters && (2..=4).contains(&language.len()) && parts.next().is_none()
}

fn is_script(part: &str) -> bool {
    let lower = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_lowercase());
    part.len() == 4
        && part.starts_with(|first: char| first.is_ascii_uppercase())
        && part.get(1..).is_some_and(lower)
}

fn is_region(part: &str) -> bool {
    let upper = part.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = part.bytes().all(|byte| byte.is_ascii_digit());
    (part.len() == 2 && upper) || (part.len() == 3 && digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_named_by_its_tag() {
        for tag in ["en", "en-US", "es-419", "zh-Hans", "zh-Hans-CN", "gsw"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in [
            "", "e", "EN", "en-us", "en-USA", "en-", "english", "@value", "en-US-x", "en-ü",
        ] {
            assert!(!is_language(tag), "{tag}");
        }
    }
}
