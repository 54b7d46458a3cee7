//! Interfaces put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{Model, ModelError, Models};
use crate::dialect::{Dialect, ELEMENTS, EXTENDS_DEPTH};
use crate::dtmi::Dtmi;
use crate::interface::{Content, Interface};
use crate::size;

/// One model being put together.
pub(super) struct Resolution<'m> {
    models: &'m Models,
    /// The interfaces that were read from files.
    read: BTreeMap<Dtmi, Arc<Interface>>,
    /// How many interfaces stand in the longest line above each.
    heights: BTreeMap<Dtmi, usize>,
}

impl<'m> Resolution<'m> {
    pub(super) fn new(models: &'m Models) -> Self {
        Self {
            models,
            read: BTreeMap::new(),
            heights: BTreeMap::new(),
        }
    }

    pub(super) fn model(mut self, id: &Dtmi) -> Result<Model, ModelError> {
        let interface = self.whole(id)?;
        let mut wholes: BTreeMap<&Dtmi, Arc<Interface>> = BTreeMap::new();
        let mut components = BTreeMap::new();
        for component in interface.components() {
            let whole = match wholes.get(&component.schema) {
                Some(whole) => Arc::clone(whole),
                None => self.component(id, &component.schema)?,
            };
            wholes.insert(&component.schema, Arc::clone(&whole));
            components.insert(component.name.clone(), whole);
        }
        let interface = Arc::new(interface);
        Ok(Model {
            interface,
            components,
        })
    }

    /// What all interfaces of a model are written as.
    pub(super) fn documents(mut self, id: &Dtmi) -> Result<Vec<Value>, ModelError> {
        let mut documents = Vec::new();
        let mut seen = BTreeSet::new();
        let mut rest = vec![id.clone()];
        while let Some(next) = rest.pop() {
            if seen.insert(next.clone()) {
                let interface = self.interface(&next)?;
                rest.extend(interface.extends.iter().cloned());
                rest.extend(interface.components().map(|part| part.schema.clone()));
                documents.push(Value::clone(&interface.source));
            }
        }
        Ok(documents)
    }

    /// An interface that a component has, which has no components itself.
    fn component(&mut self, of: &Dtmi, id: &Dtmi) -> Result<Arc<Interface>, ModelError> {
        let whole = self.whole(id)?;
        if let Some(inner) = whole.components().next() {
            return Err(inconsistent(
                of,
                format!(
                    "its component {id} has a component {}, which is not allowed",
                    inner.name
                ),
            ));
        }
        Ok(Arc::new(whole))
    }

    /// An interface with what it inherits after what is its own.
    fn whole(&mut self, id: &Dtmi) -> Result<Interface, ModelError> {
        self.height(id, &mut Vec::new())?;
        let mut whole = Interface::clone(&*self.interface(id)?);
        let limits = whole.dialect.limits();
        let mut owners: BTreeMap<String, Dtmi> = BTreeMap::new();
        let mut contents = Vec::new();
        let line = self.line(id)?;
        if whole.dialect == Dialect::V3 && line.len() - 1 > limits.extends {
            return Err(inconsistent(
                id,
                format!("it extends more than {} interfaces", limits.extends),
            ));
        }
        for owner in line {
            for content in &self.interface(&owner)?.contents {
                check_name(id, &owner, content, &mut owners)?;
                contents.push(content.clone());
            }
            if contents.len() > limits.contents {
                let most = limits.contents;
                return Err(inconsistent(
                    id,
                    format!("it has more than {most} contents"),
                ));
            }
        }
        if !size::is_allowed(&contents) {
            return Err(inconsistent(
                id,
                format!(
                    "it has more than {ELEMENTS} elements, each counted as often as it is used"
                ),
            ));
        }
        whole.contents = contents;
        Ok(whole)
    }

    /// The interface and all it extends, each once however many ways lead to it.
    fn line(&mut self, id: &Dtmi) -> Result<Vec<Dtmi>, ModelError> {
        let mut line = Vec::new();
        let mut seen = BTreeSet::new();
        let mut rest = vec![id.clone()];
        while let Some(next) = rest.pop() {
            if seen.insert(next.clone()) {
                rest.extend(self.interface(&next)?.extends.iter().rev().cloned());
                line.push(next);
            }
        }
        Ok(line)
    }

    /// How many interfaces stand in the longest line above this one, to which the path leads. Calls itself no deeper than
    /// a line may be long.
    fn height(&mut self, id: &Dtmi, path: &mut Vec<Dtmi>) -> Result<usize, ModelError> {
        if path.contains(id) {
            return Err(inconsistent(id, "it extends itself".to_owned()));
        }
        let known = self.heights.get(id).copied();
        if path.len() + known.unwrap_or(0) > EXTENDS_DEPTH {
            let lowest = path.first().unwrap_or(id);
            return Err(inconsistent(
                lowest,
                format!("more than {EXTENDS_DEPTH} interfaces extend each other in a line"),
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

    /// An interface by itself.
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

/// Checks that no two contents have the same name, whoever they come from.
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
            format!("{other} and {owner} both have {:?}", content.name()),
        )),
    }
}

fn inconsistent(id: &Dtmi, problem: String) -> ModelError {
    ModelError::Inconsistent {
        id: id.clone(),
        problem,
    }
}
