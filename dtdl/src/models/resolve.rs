//! Resolution of models.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    sync::Arc,
};

use serde_json::Value;

use super::{Model, ModelError, Models};
use crate::{
    dialect::{Dialect, MAX_ELEMENTS, MAX_EXTENDS_DEPTH},
    dtmi::Dtmi,
    interface::{Content, Interface},
    size,
};

/// The resolution of one model.
pub(super) struct Resolver<'m> {
    models: &'m Models,
    /// Interfaces read from files.
    read: BTreeMap<Dtmi, Arc<Interface>>,
    /// Length of the longest chain of extended interfaces above each.
    heights: BTreeMap<Dtmi, usize>,
}

impl<'m> Resolver<'m> {
    pub(super) fn new(models: &'m Models) -> Self {
        Self {
            models,
            read: BTreeMap::new(),
            heights: BTreeMap::new(),
        }
    }

    pub(super) fn model(mut self, id: &Dtmi) -> Result<Model, ModelError> {
        let interface = self.flattened(id)?;
        let mut resolved: BTreeMap<&Dtmi, Arc<Interface>> = BTreeMap::new();
        let mut components = BTreeMap::new();
        for component in interface.components() {
            let whole = match resolved.get(&component.schema) {
                Some(whole) => Arc::clone(whole),
                None => self.component(id, &component.schema)?,
            };
            resolved.insert(&component.schema, Arc::clone(&whole));
            components.insert(component.name.clone(), whole);
        }
        let interface = Arc::new(interface);
        Ok(Model {
            interface,
            components,
        })
    }

    /// Returns the documents of all interfaces of a model, each once: together they are a document that can be parsed.
    pub(super) fn documents(mut self, id: &Dtmi) -> Result<Vec<Value>, ModelError> {
        let mut documents = Vec::new();
        let mut seen = BTreeSet::new();
        let mut rest = vec![id.clone()];
        while let Some(next) = rest.pop() {
            if seen.insert(next.clone()) {
                let interface = self.interface(&next)?;
                rest.extend(interface.extends.iter().cloned());
                rest.extend(interface.components().map(|part| part.schema.clone()));
                documents.push(by_reference(&interface.source));
            }
        }
        Ok(documents)
    }

    /// Resolves the interface of a component, which must not have components itself.
    fn component(&mut self, of: &Dtmi, id: &Dtmi) -> Result<Arc<Interface>, ModelError> {
        let whole = self.flattened(id)?;
        if let Some(inner) = whole.components().next() {
            return Err(inconsistent(
                of,
                format!(
                    "component {id} has the component {} itself, which DTDL does not allow",
                    inner.name
                ),
            ));
        }
        Ok(Arc::new(whole))
    }

    /// Returns an interface with its own contents, followed by the inherited ones.
    fn flattened(&mut self, id: &Dtmi) -> Result<Interface, ModelError> {
        self.height(id, &mut Vec::new())?;
        let mut interface = Interface::clone(&*self.interface(id)?);
        let limits = interface.dialect.limits();
        let mut owners: BTreeMap<String, Dtmi> = BTreeMap::new();
        let mut contents = Vec::new();
        let ancestors = self.ancestors(id)?;
        if interface.dialect == Dialect::V3 && ancestors.len() - 1 > limits.extends {
            return Err(inconsistent(
                id,
                format!("more than {} extended interfaces", limits.extends),
            ));
        }
        for owner in ancestors {
            for content in &self.interface(&owner)?.contents {
                check_name(id, &owner, content, &mut owners)?;
                contents.push(content.clone());
            }
            if contents.len() > limits.contents {
                let max = limits.contents;
                return Err(inconsistent(
                    id,
                    format!("more than {max} contents, inherited ones included"),
                ));
            }
        }
        if !size::is_allowed(&contents) {
            return Err(inconsistent(
                id,
                format!("more than {MAX_ELEMENTS} elements, counting each use"),
            ));
        }
        interface.contents = contents;
        Ok(interface)
    }

    /// Returns the interface and all that it extends, each once.
    fn ancestors(&mut self, id: &Dtmi) -> Result<Vec<Dtmi>, ModelError> {
        let mut chain = Vec::new();
        let mut seen = BTreeSet::new();
        let mut rest = vec![id.clone()];
        while let Some(next) = rest.pop() {
            if seen.insert(next.clone()) {
                rest.extend(self.interface(&next)?.extends.iter().rev().cloned());
                chain.push(next);
            }
        }
        Ok(chain)
    }

    /// Returns the length of the longest chain of extended interfaces above this one, reached by `path`. The recursion is
    /// limited to [`MAX_EXTENDS_DEPTH`].
    fn height(&mut self, id: &Dtmi, path: &mut Vec<Dtmi>) -> Result<usize, ModelError> {
        if path.contains(id) {
            return Err(inconsistent(id, "the interface extends itself".to_owned()));
        }
        let known = self.heights.get(id).copied();
        if path.len() + known.unwrap_or(0) > MAX_EXTENDS_DEPTH {
            let lowest = path.first().unwrap_or(id);
            return Err(inconsistent(
                lowest,
                format!(
                    "a chain of more than {MAX_EXTENDS_DEPTH} interfaces that extend each other"
                ),
            ));
        }
        if let Some(height) = known {
            return Ok(height);
        }
        path.push(id.clone());
        let mut height = 0;
        for above in &self.interface(id)?.extends {
            height = height.max(1 + self.height(above, path)?);
        }
        path.pop();
        self.heights.insert(id.clone(), height);
        Ok(height)
    }

    /// Returns an interface without inherited contents.
    fn interface(&mut self, id: &Dtmi) -> Result<Arc<Interface>, ModelError> {
        let known = self.models.given.get(id).or_else(|| self.read.get(id));
        if let Some(interface) = known {
            return Ok(Arc::clone(interface));
        }
        let directory = self.models.directory.as_ref();
        let found = directory.map(|directory| directory.read(id)).transpose()?;
        for interface in found.flatten().into_iter().flatten() {
            let id = interface.id.clone();
            self.read.entry(id).or_insert_with(|| Arc::new(interface));
        }
        self.read
            .get(id)
            .map(Arc::clone)
            .ok_or_else(|| ModelError::Unknown {
                id: id.clone(),
                file: directory.map(|directory| directory.file(id)),
            })
    }
}

/// Checks that no two contents have the same name, inherited ones included.
fn check_name(
    id: &Dtmi,
    owner: &Dtmi,
    content: &Content,
    owners: &mut BTreeMap<String, Dtmi>,
) -> Result<(), ModelError> {
    match owners.insert(content.name().to_owned(), owner.clone()) {
        None => Ok(()),
        Some(other) => Err(inconsistent(
            id,
            format!(
                "{:?} is defined by both {other} and {owner}",
                content.name()
            ),
        )),
    }
}

fn inconsistent(id: &Dtmi, problem: String) -> ModelError {
    ModelError::Inconsistent {
        id: id.clone(),
        problem,
    }
}

/// Returns the document of an interface in which extended interfaces and those of components stand by reference.
fn by_reference(source: &Value) -> Value {
    let mut document = source.clone();
    if let Some(extends) = document.get_mut("extends") {
        elements(extends).iter_mut().for_each(refer);
    }
    if let Some(contents) = document.get_mut("contents") {
        let contents = elements(contents).iter_mut();
        let schemas = contents.filter_map(|content| content.get_mut("schema"));
        schemas.flat_map(elements).for_each(refer);
    }
    document
}

/// Returns the elements of an array, or the value itself, which in JSON-LD equals an array of one.
fn elements(value: &mut Value) -> &mut [Value] {
    match value {
        Value::Array(elements) => elements,
        value => slice::from_mut(value),
    }
}

/// Replaces an interface with its identifier. Leaves anything else as it is.
fn refer(value: &mut Value) {
    let mut types = value
        .get("@type")
        .into_iter()
        .flat_map(|types| match types {
            Value::Array(types) => types.as_slice(),
            types => slice::from_ref(types),
        });
    if types.any(|name| name == "Interface")
        && let Some(id) = value.get("@id").cloned()
    {
        *value = id;
    }
}
