//! Values of a document, with where they stand.

use std::iter;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::fault::Fault;
use crate::describe::describe;

/// A value of a document.
#[derive(Clone, Debug)]
pub(super) struct Node<'d> {
    pub(super) value: &'d Value,
    way: Way<'d>,
}

/// How to come to a value from the document as a whole. Shared, and written out only where something is wrong: a document
/// may have a million values below one very long name.
type Way<'d> = Option<Rc<Step<'d>>>;

#[derive(Debug)]
struct Step<'d> {
    before: Way<'d>,
    to: Part<'d>,
}

#[derive(Debug)]
enum Part<'d> {
    Member(&'d str),
    Element(usize),
}

impl<'d> Node<'d> {
    /// The document as a whole.
    pub(super) fn document(value: &'d Value) -> Self {
        Self { value, way: None }
    }

    fn inner(&self, value: &'d Value, to: Part<'d>) -> Self {
        let before = self.way.clone();
        let way = Some(Rc::new(Step { before, to }));
        Self { value, way }
    }

    /// Where it stands, as a JSON pointer (RFC 6901).
    fn pointer(&self) -> String {
        let steps = iter::successors(self.way.as_deref(), |step| step.before.as_deref());
        let parts: Vec<_> = steps.map(|step| step.to.pointer()).collect();
        parts.into_iter().rev().collect()
    }

    /// Something that is wrong here.
    pub(super) fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault {
            pointer: self.pointer(),
            problem: problem.into(),
        }
    }

    /// That something else is wanted here.
    pub(super) fn unexpected(&self, wanted: &str) -> Fault {
        self.fault(format!("{wanted} is wanted, not {}", describe(self.value)))
    }

    /// The members of an object.
    pub(super) fn members(&self) -> Result<&'d Map<String, Value>, Fault> {
        self.value
            .as_object()
            .ok_or_else(|| self.unexpected("an object"))
    }

    /// A member of an object, if this is one and has it under exactly this name.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let (name, value) = self.value.as_object()?.get_key_value(name)?;
        Some(self.inner(value, Part::Member(name)))
    }

    /// The elements of an array, or the value itself, which JSON-LD takes for the same as an array of one.
    pub(super) fn set(&self) -> Vec<Self> {
        let Some(elements) = self.value.as_array() else {
            return vec![self.clone()];
        };
        let element = |(index, value)| self.inner(value, Part::Element(index));
        elements.iter().enumerate().map(element).collect()
    }

    /// The value itself, or the one element of an array.
    pub(super) fn only(&self) -> Result<Self, Fault> {
        let mut set = self.set();
        match (set.pop(), set.is_empty()) {
            (Some(node), true) => Ok(node),
            _ => Err(self.unexpected("one value")),
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'d str, Fault> {
        let node = self.literal("string")?;
        node.value.as_str().ok_or_else(|| node.unexpected("a text"))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, Fault> {
        let node = self.literal("boolean")?;
        node.value
            .as_bool()
            .ok_or_else(|| node.unexpected("true or false"))
    }

    /// A whole number of four bytes.
    pub(super) fn integer(&self) -> Result<i32, Fault> {
        let node = self.literal("integer")?;
        let number = node
            .value
            .as_i64()
            .and_then(|number| number.try_into().ok());
        number.ok_or_else(|| node.unexpected("a whole number of 4 bytes"))
    }

    /// The value itself, or what is in an object that JSON-LD wraps a value in: `{"@value": 1, "@type": "xsd:integer"}`.
    pub(super) fn unwrapped(&self) -> Result<Self, Fault> {
        let Some(members) = self.value.as_object() else {
            return Ok(self.clone());
        };
        let strange = |name: &&String| {
            !name.starts_with('@') || ["@id", "@context", "@graph"].contains(&name.as_str())
        };
        match (self.member("@value"), members.keys().find(strange)) {
            (Some(value), None) => Ok(value),
            _ => Err(self.unexpected("a value, or an object with @value,")),
        }
    }

    fn literal(&self, kind: &str) -> Result<Self, Fault> {
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

impl Part<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Self::Element(index) => format!("/{index}"),
        }
    }
}
