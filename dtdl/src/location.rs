//! Locations in a JSON document.

use std::fmt;

/// A location in a JSON document, held on the stack during a traversal. Displayed as a JSON pointer (RFC 6901).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Location<'a> {
    /// The root of a traversal, at this pointer into the document.
    Root(&'a str),
    /// A member of an object.
    Member(&'a Location<'a>, &'a str),
    /// An element of an array.
    Element(&'a Location<'a>, usize),
}

impl<'a> Location<'a> {
    /// The whole document.
    pub(crate) const DOCUMENT: Location<'static> = Location::Root("");

    /// Returns the location of a member.
    pub(crate) fn member(&'a self, name: &'a str) -> Self {
        Location::Member(self, name)
    }

    /// Returns the location of an element.
    pub(crate) fn element(&'a self, index: usize) -> Self {
        Location::Element(self, index)
    }
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Root(pointer) => f.write_str(pointer),
            Location::Member(parent, name) => {
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Location::Element(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_as_a_json_pointer() {
        let root = Location::DOCUMENT;
        let contents = root.member("contents");
        let third = contents.element(3);
        assert_eq!(root.to_string(), "");
        assert_eq!(third.member("a/b~c").to_string(), "/contents/3/a~1b~0c");
    }
}
