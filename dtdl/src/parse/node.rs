//! Values of a document with their locations.

use std::{iter, rc::Rc};

use serde_json::{Map, Value};

use super::diagnostic::Diagnostic;
use crate::describe::describe;

/// A value of a document with its location.
#[derive(Clone, Debug)]
pub(super) struct Node<'d> {
    pub(super) value: &'d Value,
    path: NodePath<'d>,
}

/// The path from the root to a value. Shared, and converted to text only for a diagnostic: a document may have a million
/// values below one very long name.
type NodePath<'d> = Option<Rc<PathStep<'d>>>;

#[derive(Debug)]
struct PathStep<'d> {
    parent: NodePath<'d>,
    segment: PathSegment<'d>,
}

#[derive(Debug)]
enum PathSegment<'d> {
    Member(&'d str),
    Element(usize),
}

impl<'d> Node<'d> {
    /// Returns the root of a document.
    pub(super) fn document(value: &'d Value) -> Self {
        Self { value, path: None }
    }

    fn inner(&self, value: &'d Value, segment: PathSegment<'d>) -> Self {
        let parent = self.path.clone();
        let path = Some(Rc::new(PathStep { parent, segment }));
        Self { value, path }
    }

    /// Returns the location as a JSON pointer (RFC 6901).
    fn pointer(&self) -> String {
        let steps = iter::successors(self.path.as_deref(), |step| step.parent.as_deref());
        let parts: Vec<_> = steps.map(|step| step.segment.pointer()).collect();
        parts.into_iter().rev().collect()
    }

    /// Makes a diagnostic for this value.
    pub(super) fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            pointer: self.pointer(),
            message: message.into(),
        }
    }

    /// Makes the diagnostic that another value is expected.
    pub(super) fn unexpected(&self, expected: &str) -> Diagnostic {
        self.error(format!(
            "expected {expected}, found {}",
            describe(self.value)
        ))
    }

    /// Returns the members of an object.
    pub(super) fn members(&self) -> Result<&'d Map<String, Value>, Diagnostic> {
        self.value
            .as_object()
            .ok_or_else(|| self.unexpected("an object"))
    }

    /// Returns a member of an object, if there is one of exactly this name.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let (name, value) = self.value.as_object()?.get_key_value(name)?;
        Some(self.inner(value, PathSegment::Member(name)))
    }

    /// Returns the elements of an array, or the value itself, which in JSON-LD equals an array of one.
    pub(super) fn set(&self) -> Vec<Self> {
        let Some(elements) = self.value.as_array() else {
            return vec![self.clone()];
        };
        let element = |(index, value)| self.inner(value, PathSegment::Element(index));
        elements.iter().enumerate().map(element).collect()
    }

    /// Returns the value itself, or the only element of an array.
    pub(super) fn only(&self) -> Result<Self, Diagnostic> {
        let mut set = self.set();
        match (set.pop(), set.is_empty()) {
            (Some(node), true) => Ok(node),
            _ => Err(self.unexpected("a single value")),
        }
    }

    /// Returns a string.
    pub(super) fn text(&self) -> Result<&'d str, Diagnostic> {
        let node = self.literal("string")?;
        node.value
            .as_str()
            .ok_or_else(|| node.unexpected("a string"))
    }

    /// Returns a boolean.
    pub(super) fn boolean(&self) -> Result<bool, Diagnostic> {
        let node = self.literal("boolean")?;
        node.value
            .as_bool()
            .ok_or_else(|| node.unexpected("true or false"))
    }

    /// Returns a 32-bit integer.
    pub(super) fn integer(&self) -> Result<i32, Diagnostic> {
        let node = self.literal("integer")?;
        let number = node
            .value
            .as_i64()
            .and_then(|number| number.try_into().ok());
        number.ok_or_else(|| node.unexpected("a 32-bit integer"))
    }

    /// Returns the value itself, or the one in a JSON-LD value object: `{"@value": 1, "@type": "xsd:integer"}`.
    pub(super) fn unwrapped(&self) -> Result<Self, Diagnostic> {
        let Some(members) = self.value.as_object() else {
            return Ok(self.clone());
        };
        let strange = |name: &&String| {
            !name.starts_with('@') || ["@id", "@context", "@graph"].contains(&name.as_str())
        };
        match (self.member("@value"), members.keys().find(strange)) {
            (Some(value), None) => Ok(value),
            _ => Err(self.unexpected("a value, or an object with @value")),
        }
    }

    fn literal(&self, kind: &str) -> Result<Self, Diagnostic> {
        let node = self.only()?;
        if let Some(found) = node.member("@type") {
            let found = found.only()?;
            let kinds = [
                format!("xsd:{kind}"),
                format!("http://www.w3.org/2001/XMLSchema#{kind}"),
            ];
            if !kinds.iter().any(|kind| found.value == kind.as_str()) {
                return Err(found.unexpected(&kinds.join(" or ")));
            }
        }
        node.unwrapped()
    }
}

impl PathSegment<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Self::Element(index) => format!("/{index}"),
        }
    }
}
