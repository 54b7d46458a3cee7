//! Localized texts for people.

use std::collections::BTreeMap;

use serde::Serialize;

/// The language of a text without one.
pub(crate) const DEFAULT_LANGUAGE: &str = "en";

/// A text in one or more languages, by language tag (BCP 47).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(pub(crate) BTreeMap<String, String>);

impl Text {
    /// Returns the text in English, or in the first of its languages.
    pub fn get(&self) -> Option<&str> {
        self.in_language(DEFAULT_LANGUAGE)
    }

    /// Returns the text in this language, in another of the same family (`en-GB` for `en-US`), in English, or in any.
    pub fn in_language(&self, tag: &str) -> Option<&str> {
        let exact = self.0.get(tag);
        exact
            .or_else(|| self.of_family(tag))
            .or_else(|| self.of_family(DEFAULT_LANGUAGE))
            .or_else(|| self.0.values().next())
            .map(String::as_str)
    }

    /// Returns the text in each language.
    pub fn languages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(tag, text)| (tag.as_str(), text.as_str()))
    }

    /// Returns true if there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of_family(&self, tag: &str) -> Option<&String> {
        let family = |tag: &'_ str| tag.split('-').next().map(str::to_owned);
        let wanted = family(tag);
        self.0
            .iter()
            .find_map(|(tag, text)| (family(tag) == wanted).then_some(text))
    }
}

/// The texts of an element for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityInfo {
    /// Display name.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub display_name: Text,
    /// Description.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub description: Text,
    /// Comment for authors of models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pairs: &[(&str, &str)]) -> Text {
        let pairs = pairs
            .iter()
            .map(|(tag, text)| ((*tag).into(), (*text).into()));
        Text(pairs.collect())
    }

    #[test]
    fn a_text_is_given_in_the_nearest_language_there_is() {
        let both = text(&[("de", "Wärme"), ("en-GB", "Heat")]);
        assert_eq!(both.in_language("de"), Some("Wärme"));
        assert_eq!(both.in_language("de-AT"), Some("Wärme"));
        assert_eq!(both.in_language("en-US"), Some("Heat"));
        assert_eq!(both.in_language("fr"), Some("Heat"));
        assert_eq!(both.get(), Some("Heat"));
        assert_eq!(text(&[("it", "Calore")]).get(), Some("Calore"));
        assert_eq!(Text::default().get(), None);
    }
}
