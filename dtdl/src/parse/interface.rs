//! Documents and the interfaces in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::class;
use super::context;
use super::element::{self, Element};
use super::fault::{Fault, TOLD};
use super::node::Node;
use super::partition::Partition;
use super::schema::Names;
use crate::dialect::{Dialect, ELEMENTS, INTERFACE_ID};
use crate::dtmi::Dtmi;
use crate::interface::{Content, Interface};
use crate::size;

/// A document as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Document<'d> {
    interfaces: Vec<Interface>,
    faults: Vec<Fault>,
    ids: BTreeSet<&'d str>,
}

impl<'d> Document<'d> {
    /// Reads all interfaces of a document.
    pub(super) fn read(root: &Node<'d>) -> Result<Vec<Interface>, Vec<Fault>> {
        let mut document = Self::default();
        for node in root.set() {
            let read = node.members().and_then(|_| document.interface(node, None));
            document.note(read.err());
        }
        if document.faults.is_empty() {
            Ok(document.interfaces)
        } else {
            Err(document.faults)
        }
    }

    fn note(&mut self, faults: impl IntoIterator<Item = Fault>) {
        let left = TOLD.saturating_sub(self.faults.len());
        self.faults.extend(faults.into_iter().take(left));
    }

    /// The identifier of an interface that another names, or that stands within it.
    pub(super) fn reference(&mut self, node: &Node<'d>, dialect: Dialect) -> Result<Dtmi, Fault> {
        let node = node.only()?;
        if node.value.is_string() {
            return element::identifier(&node, dialect);
        }
        node.members()?;
        self.interface(node, Some(dialect))
    }

    /// Reads an interface, which may stand within another of some dialect.
    fn interface(&mut self, node: Node<'d>, outer: Option<Dialect>) -> Result<Dtmi, Fault> {
        let dialect = context::dialect(&node, outer)?;
        let element = Element::new(node, &class::INTERFACE, dialect)?;
        let id = self.id(&element)?;
        let mut partition = self.partition(&element);
        self.schemas(&mut partition, &element);
        let contents = self.contents(&mut partition, &element)?;
        let interface = Interface {
            id: id.clone(),
            dialect,
            about: element.about()?,
            extends: self.extends(&element)?,
            contents,
            source: Arc::new(element.node.value.clone()),
        };
        self.interfaces.push(interface);
        Ok(id)
    }

    fn id(&self, element: &Element<'d>) -> Result<Dtmi, Fault> {
        let node = element.require("@id")?;
        let id = element::identifier(&node, element.dialect)?;
        if id.as_str().len() > INTERFACE_ID {
            return Err(node.fault(format!(
                "the identifier of an interface has at most {INTERFACE_ID} characters"
            )));
        }
        Ok(id)
    }

    /// What within the interface may refer to each other, none of it being defined elsewhere in the document.
    fn partition(&mut self, element: &Element<'d>) -> Partition<'d> {
        let (partition, twice) = Partition::of(&element.node, element.dialect);
        self.note(twice);
        for (id, node) in partition.ids() {
            if !self.ids.insert(id) {
                self.note([node.fault(format!("{id} is defined twice"))]);
            }
        }
        partition
    }

    /// Reads the schemas that the interface defines, whether they are used or not.
    fn schemas(&mut self, partition: &mut Partition<'d>, element: &Element<'d>) {
        for node in element.set("schemas") {
            let read = node.members().and_then(|members| {
                if !members.contains_key("@id") {
                    return Err(node.fault("the member \"@id\" is missing"));
                }
                partition.complex(&node, 0)
            });
            self.note(read.err());
        }
    }

    fn contents(
        &mut self,
        partition: &mut Partition<'d>,
        element: &Element<'d>,
    ) -> Result<Vec<Content>, Fault> {
        let mut names = Names::default();
        let mut contents = Vec::new();

        for node in element.set("contents") {
            let read = self.content(partition, node.clone());
            let read = read.and_then(|read| names.add(read.name(), &node).map(|()| read));
            match read {
                Ok(read) => contents.push(read),
                Err(fault) => self.note([fault]),
            }
        }
        if !size::is_allowed(&contents) {
            return Err(element.node.fault(format!(
                "the contents have more than {ELEMENTS} elements, each counted as often as it is used"
            )));
        }
        Ok(contents)
    }

    fn extends(&mut self, element: &Element<'d>) -> Result<Vec<Dtmi>, Fault> {
        let nodes = element.set("extends");
        let most = element.dialect.limits().extends;
        if nodes.len() > most {
            return Err(element
                .node
                .fault(format!("at most {most} interfaces are extended")));
        }
        let reference = |node: &Node<'d>| self.reference(node, element.dialect);
        nodes.iter().map(reference).collect()
    }
}
