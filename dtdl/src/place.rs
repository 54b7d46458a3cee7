//! Where in a document something is.

use std::fmt;

/// A place in a JSON document, kept on the stack of what walks through it. Displayed as a JSON pointer (RFC 6901).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// What was given, as a whole, at this pointer of something larger.
    Root(&'a str),
    /// A member of an object.
    Member(&'a Place<'a>, &'a str),
    /// An element of an array.
    Element(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// The document as a whole.
    pub(crate) const DOCUMENT: Place<'static> = Place::Root("");

    /// The member of this name.
    pub(crate) fn member(&'a self, name: &'a str) -> Self {
        Place::Member(self, name)
    }

    /// The element of this index.
    pub(crate) fn element(&'a self, index: usize) -> Self {
        Place::Element(self, index)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root(pointer) => f.write_str(pointer),
            Place::Member(parent, name) => {
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Place::Element(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_as_a_json_pointer() {
        let root = Place::DOCUMENT;
        let contents = root.member("contents");
        let third = contents.element(3);
        assert_eq!(root.to_string(), "");
        assert_eq!(third.member("a/b~c").to_string(), "/contents/3/a~1b~0c");
    }
}
