//! What within one interface may refer to each other.

use std::collections::BTreeMap;
use std::ptr;

use super::element;
use super::fault::{Fault, TOLD};
use super::node::Node;
use super::schema::Shape;
use crate::dialect::Dialect;

/// How long the name of a member with elements in it may be, in bytes: longer than any identifier.
const LONGEST: usize = 4096;

/// The elements of one interface by identifier, without those of interfaces that stand within it.
#[derive(Debug)]
pub(super) struct Partition<'d> {
    pub(super) dialect: Dialect,
    /// Every element that has an identifier.
    definitions: BTreeMap<&'d str, Node<'d>>,
    /// The schemas among them that have been read.
    pub(super) shapes: BTreeMap<&'d str, Shape>,
    /// The schemas among them that are being read, each within the one before.
    pub(super) open: Vec<&'d str>,
}

impl<'d> Partition<'d> {
    /// Finds the elements of the interface that have identifiers, and what is defined twice.
    pub(super) fn of(interface: &Node<'d>, dialect: Dialect) -> (Self, Vec<Fault>) {
        let mut definitions = BTreeMap::new();
        let mut faults = Vec::new();
        for (id, node) in identified(interface) {
            let first = definitions.insert(id, node.clone()).is_none();
            if !first && faults.len() < TOLD {
                faults.push(node.fault(format!("{id} is defined twice")));
            }
        }
        let partition = Self {
            dialect,
            definitions,
            shapes: BTreeMap::new(),
            open: Vec::new(),
        };
        (partition, faults)
    }

    /// The element of this identifier.
    pub(super) fn definition(&self, id: &str) -> Option<(&'d str, Node<'d>)> {
        let (id, node) = self.definitions.get_key_value(id)?;
        Some((id, node.clone()))
    }

    /// What stands in a place for an element: the element, or the one of this interface whose identifier stands there.
    pub(super) fn referent(&self, node: Node<'d>) -> Result<Node<'d>, Fault> {
        let Some(id) = node.value.as_str() else {
            return Ok(node);
        };
        let definition = self.definition(id).map(|(_, definition)| definition);
        definition.ok_or_else(|| {
            node.unexpected("an object, or the identifier of one in this interface,")
        })
    }

    /// Every identifier.
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
            let names = members.keys().filter(|name| name.len() <= LONGEST);
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
