//! Partitions: elements of one interface that may reference each other.

use std::{collections::BTreeMap, ptr};

use super::{
    diagnostic::{Diagnostic, MAX_DIAGNOSTICS},
    element,
    node::Node,
    schema::ParsedSchema,
};
use crate::dialect::Language;

/// The longest name of a member that is searched for elements, in bytes: longer than any identifier.
const MAX_MEMBER_NAME: usize = 4096;

/// The elements of one interface by identifier, without those of nested interfaces.
#[derive(Debug)]
pub(super) struct Partition<'d> {
    pub(super) language: Language,
    /// Elements with an identifier.
    definitions: BTreeMap<&'d str, Node<'d>>,
    /// Parsed schemas.
    pub(super) parsed: BTreeMap<&'d str, ParsedSchema>,
    /// Schemas being parsed, each nested in the one before.
    pub(super) open: Vec<&'d str>,
}

impl<'d> Partition<'d> {
    /// Finds the elements of the interface with identifiers. Returns diagnostics for duplicates.
    pub(super) fn of(interface: &Node<'d>, language: Language) -> (Self, Vec<Diagnostic>) {
        let mut definitions = BTreeMap::new();
        let mut diagnostics = Vec::new();
        for (id, node) in identified(interface) {
            let first = definitions.insert(id, node.clone()).is_none();
            if !first && diagnostics.len() < MAX_DIAGNOSTICS {
                diagnostics.push(node.error(format!("{id} is defined twice")));
            }
        }
        let partition = Self {
            language,
            definitions,
            parsed: BTreeMap::new(),
            open: Vec::new(),
        };
        (partition, diagnostics)
    }

    /// Returns the element of this identifier.
    pub(super) fn definition(&self, id: &str) -> Option<(&'d str, Node<'d>)> {
        let (id, node) = self.definitions.get_key_value(id)?;
        Some((id, node.clone()))
    }

    /// Resolves an element: the value itself, or the element of this interface that it names.
    pub(super) fn referent(&self, node: Node<'d>) -> Result<Node<'d>, Diagnostic> {
        let Some(id) = node.value.as_str() else {
            return Ok(node);
        };
        let definition = self.definition(id).map(|(_, definition)| definition);
        definition.ok_or_else(|| {
            node.unexpected("an object, or the identifier of an element in this interface")
        })
    }

    /// Returns all identifiers.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&'d str, &Node<'d>)> {
        self.definitions.iter().map(|(id, node)| (*id, node))
    }
}

fn identified<'d>(interface: &Node<'d>) -> Vec<(&'d str, Node<'d>)> {
    let mut found = Vec::new();
    let mut rest = vec![interface.clone()];
    while let Some(node) = rest.pop() {
        let within = !ptr::eq(node.value, interface.value);
        if within && element::types(&node).is_ok_and(|types| types.contains(&"Interface")) {
            continue;
        }
        if let Some(members) = node.value.as_object() {
            let names = members.keys().filter(|name| name.len() <= MAX_MEMBER_NAME);
            rest.extend(names.filter_map(|name| node.member(name)));
        } else if node.value.is_array() {
            rest.extend(node.set());
        }
        if let Some(id) = node.value.get("@id").and_then(|id| id.as_str()) {
            found.push((id, node));
        }
    }
    found
}
