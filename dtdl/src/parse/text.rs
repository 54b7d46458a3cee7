//! Texts for people.

use super::fault::Fault;
use super::node::Node;
use crate::text::{DEFAULT_LANGUAGE, Text};

/// A text of at most so many characters.
pub(super) fn plain(node: &Node<'_>, longest: usize) -> Result<String, Fault> {
    let text = node.text()?;
    check_length(node, text, longest)?;
    Ok(text.to_owned())
}

/// A text in one language or several: `"text"`, `{"en": "text"}` or `[{"@value": "text", "@language": "en"}]`, each of
/// at most so many characters.
pub(super) fn localised(node: &Node<'_>, longest: usize) -> Result<Text, Fault> {
    let mut text = Text::default();
    if let Some(languages) = node.value.as_object() {
        for language in languages.keys() {
            let translation = node.member(language).unwrap_or_else(|| node.clone());
            insert(&mut text, &translation, language, longest)?;
        }
        return Ok(text);
    }
    for node in node.set() {
        let language = node.member("@language");
        let language = language.map(|node| node.text()).transpose()?;
        let value = node.unwrapped()?;
        insert(
            &mut text,
            &value,
            language.unwrap_or(DEFAULT_LANGUAGE),
            longest,
        )?;
    }
    Ok(text)
}

fn insert(text: &mut Text, node: &Node<'_>, language: &str, longest: usize) -> Result<(), Fault> {
    let translation = node
        .value
        .as_str()
        .ok_or_else(|| node.unexpected("a text, or a text for each language,"))?;
    check_length(node, translation, longest)?;
    if !is_language(language) {
        return Err(node.fault(format!(
            "{language:?} is no language: a tag such as en or en-US is wanted"
        )));
    }
    match text.0.insert(language.to_owned(), translation.to_owned()) {
        None => Ok(()),
        Some(_) => Err(node.fault(format!("there are two texts in the language {language}"))),
    }
}

fn check_length(node: &Node<'_>, text: &str, longest: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length > longest {
        return Err(node.fault(format!(
            "{length} characters are too many, {longest} are allowed"
        )));
    }
    Ok(())
}

/// Whether this is a language tag as DTDL wants it: `en`, `en-US`, `es-419`, `zh-Hans`, `zh-Hans-CN`.
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
