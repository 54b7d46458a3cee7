//! Parsing of documents and interfaces.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{
    central, class, context,
    diagnostic::{Diagnostic, MAX_DIAGNOSTICS},
    element::{self, Element},
    node::Node,
    partition::Partition,
    schema::UniqueNames,
};
use crate::{
    dialect::{Dialect, Language, MAX_ELEMENTS, MAX_INTERFACE_ID},
    dtmi::Dtmi,
    interface::{Content, Interface},
    size,
};

/// A parser, with the interfaces and diagnostics so far.
#[derive(Debug, Default)]
pub(super) struct Parser<'d> {
    interfaces: Vec<Interface>,
    diagnostics: Vec<Diagnostic>,
    ids: BTreeSet<&'d str>,
    /// The context that is in force.
    context: Option<&'d Value>,
}

/// What an element takes over from the one it is nested in.
#[derive(Clone, Copy, Debug)]
struct Outer<'d> {
    language: Language,
    context: Option<&'d Value>,
}

impl<'d> Parser<'d> {
    /// Parses all interfaces of a document.
    pub(super) fn parse(root: &Node<'d>) -> Result<Vec<Interface>, Vec<Diagnostic>> {
        let mut parser = Self::default();
        for node in root.set() {
            let read = node.members().and_then(|_| parser.document(node));
            parser.report(read.err());
        }
        if parser.diagnostics.is_empty() {
            Ok(parser.interfaces)
        } else {
            Err(parser.diagnostics)
        }
    }

    fn report(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        let left = MAX_DIAGNOSTICS.saturating_sub(self.diagnostics.len());
        self.diagnostics.extend(diagnostics.into_iter().take(left));
    }

    /// Parses an interface, or a device template of IoT Central, which has one in its member `capabilityModel`.
    fn document(&mut self, node: Node<'d>) -> Result<Dtmi, Diagnostic> {
        let Some(model) = central::model_of(&node)? else {
            return self.interface(node, None);
        };
        model.members()?;
        let outer = match node.value.get("@context") {
            Some(context) => Outer {
                language: context::language(&node, None)?,
                context: Some(context),
            },
            None if model.member("@context").is_some() => return self.interface(model, None),
            None => Outer {
                language: Language {
                    dialect: Dialect::V2,
                    central: true,
                },
                context: Some(&central::CONTEXT),
            },
        };
        self.interface(model, Some(outer))
    }

    /// Returns the identifier of an interface that is referenced, or nested in this element.
    pub(super) fn reference(
        &mut self,
        node: &Node<'d>,
        within: &Element<'d>,
    ) -> Result<Dtmi, Diagnostic> {
        let node = node.only()?;
        if node.value.is_string() {
            return element::identifier(&node, within.language.dialect);
        }
        node.members()?;
        let outer = Outer {
            language: within.language,
            context: self.context,
        };
        self.interface(node, Some(outer))
    }

    /// Parses an interface, which may be nested in another.
    fn interface(&mut self, node: Node<'d>, outer: Option<Outer<'d>>) -> Result<Dtmi, Diagnostic> {
        let language = context::language(&node, outer.map(|outer| outer.language))?;
        let context = node.value.get("@context");
        let context = context.or(outer.and_then(|outer| outer.context));
        let before = std::mem::replace(&mut self.context, context);
        let read = self.interface_in(node, language);
        self.context = before;
        read
    }

    fn interface_in(&mut self, node: Node<'d>, language: Language) -> Result<Dtmi, Diagnostic> {
        let element = Element::new(node, &class::INTERFACE, language)?;
        let id = self.id(&element)?;
        let mut partition = self.partition(&element);
        self.schemas(&mut partition, &element);
        let contents = self.contents(&mut partition, &element)?;
        let interface = Interface {
            id: id.clone(),
            dialect: language.dialect,
            info: element.info()?,
            extends: self.extends(&element)?,
            contents,
            source: Arc::new(self.source(&element)),
        };
        self.interfaces.push(interface);
        Ok(id)
    }

    /// Returns the document of an interface, with the context that is in force: that of the enclosing one if it has none of
    /// its own, and that of IoT Central if only the enclosing one has it.
    fn source(&self, element: &Element<'d>) -> Value {
        let mut source = element.node.value.clone();
        if let (Some(members), Some(context)) = (source.as_object_mut(), self.context) {
            let context = match element.language.central {
                true => central::with_context(context),
                false => context.clone(),
            };
            members.insert("@context".into(), context);
        }
        source
    }

    fn id(&self, element: &Element<'d>) -> Result<Dtmi, Diagnostic> {
        let node = element.require("@id")?;
        let id = element::identifier(&node, element.language.dialect)?;
        if id.as_str().len() > MAX_INTERFACE_ID {
            return Err(node.error(format!(
                "the identifier of an interface has at most {MAX_INTERFACE_ID} characters"
            )));
        }
        Ok(id)
    }

    /// Makes the partition of the interface, and checks that its identifiers are unique in the document.
    fn partition(&mut self, element: &Element<'d>) -> Partition<'d> {
        let (partition, twice) = Partition::of(&element.node, element.language);
        self.report(twice);
        for (id, node) in partition.ids() {
            if !self.ids.insert(id) {
                self.report([node.error(format!("{id} is defined twice"))]);
            }
        }
        partition
    }

    /// Parses the schemas that the interface defines, unused ones too.
    fn schemas(&mut self, partition: &mut Partition<'d>, element: &Element<'d>) {
        for node in element.set("schemas") {
            let read = node.members().and_then(|members| {
                if !members.contains_key("@id") {
                    return Err(node.error("missing member \"@id\""));
                }
                partition.complex(&node, 0)
            });
            self.report(read.err());
        }
    }

    fn contents(
        &mut self,
        partition: &mut Partition<'d>,
        element: &Element<'d>,
    ) -> Result<Vec<Content>, Diagnostic> {
        let mut names = UniqueNames::default();
        let mut contents = Vec::new();

        for node in element.set("contents") {
            let read = self.content(partition, node.clone());
            let read = read.and_then(|read| names.add(read.name(), &node).map(|()| read));
            match read {
                Ok(read) => contents.push(read),
                Err(diagnostic) => self.report([diagnostic]),
            }
        }
        if !size::is_allowed(&contents) {
            return Err(element.node.error(format!(
                "the contents have more than {MAX_ELEMENTS} elements, counting each use"
            )));
        }
        Ok(contents)
    }

    fn extends(&mut self, element: &Element<'d>) -> Result<Vec<Dtmi>, Diagnostic> {
        let nodes = element.set("extends");
        let max = element.language.dialect.limits().extends;
        if nodes.len() > max {
            return Err(element
                .node
                .error(format!("more than {max} interfaces in extends")));
        }
        let reference = |node: &Node<'d>| self.reference(node, element);
        nodes.iter().map(reference).collect()
    }
}
