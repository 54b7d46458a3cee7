//! Device templates: views of the devices of a model in the console.
//!
//! An operator edits a draft. Publishing makes an immutable version of it, which the device pages show.

mod record;
mod view;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use dtdl::Dtmi;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
pub use view::{Capability, Tile, TileKind, View};

use crate::{
    hub::{self, check_etag, etag},
    store::{Store, StoreError},
};

/// The number of versions kept, the newest ones.
const MAX_VERSIONS: usize = 20;
/// The maximum number of templates.
const MAX_TEMPLATES: usize = 1000;

/// A refused operation on a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// An invalid argument, or a failed precondition.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// No template exists for this model.
    #[error("no template for model {0}")]
    NotFound(String),
}

/// The templates of a cloud. Clones share their state.
#[derive(Clone)]
pub struct Templates {
    inner: Arc<TemplatesInner>,
}

struct TemplatesInner {
    store: Store,
    templates: Mutex<BTreeMap<String, Template>>,
}

/// The views of the devices of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The model ID.
    pub model: String,
    /// The number of changes so far.
    revision: u64,
    /// The views being edited.
    pub draft: Vec<View>,
    /// The published versions, the newest last.
    pub versions: Vec<TemplateVersion>,
}

/// The state of a template, without its views.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSummary {
    /// The model ID.
    pub model: String,
    /// The value of [`Template::etag`].
    pub etag: String,
    /// The number of the newest version.
    pub version: Option<u32>,
    /// The time of its publication.
    pub published: Option<Timestamp>,
    /// True if the draft differs from it.
    pub changed: bool,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVersion {
    /// The number, from 1.
    pub version: u32,
    /// The time of publication.
    pub published: Timestamp,
    /// The views.
    pub views: Vec<View>,
}

impl Template {
    fn new(model: &Dtmi) -> Self {
        Self {
            model: model.to_string(),
            revision: 0,
            draft: Vec::new(),
            versions: Vec::new(),
        }
    }

    /// Returns the etag, which changes with the template.
    pub fn etag(&self) -> String {
        etag(self.revision)
    }

    fn summary(&self) -> TemplateSummary {
        let newest = self.versions.last();
        let published = newest.map_or(&[][..], |newest| &newest.views);
        TemplateSummary {
            model: self.model.clone(),
            etag: self.etag(),
            version: newest.map(|newest| newest.version),
            published: newest.map(|newest| newest.published),
            changed: self.draft != published,
        }
    }

    fn publish(&mut self, now: Timestamp) {
        let newest = self.versions.last().map_or(0, |newest| newest.version);
        self.versions.push(TemplateVersion {
            version: newest + 1,
            published: now,
            views: self.draft.clone(),
        });
        let surplus = self.versions.len().saturating_sub(MAX_VERSIONS);
        self.versions.drain(..surplus);
    }
}

impl Templates {
    /// Loads the templates of a store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn open(store: Store) -> Result<Self, StoreError> {
        let templates = Mutex::new(record::load(&store)?);
        Ok(Self {
            inner: Arc::new(TemplatesInner { store, templates }),
        })
    }

    /// Lists all templates, by model ID.
    pub fn list(&self) -> Vec<TemplateSummary> {
        self.templates().values().map(Template::summary).collect()
    }

    /// Returns the template of a model.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get(&self, model: &Dtmi) -> Result<Template, TemplateError> {
        let found = self.templates().get(model.as_str()).cloned();
        found.ok_or_else(|| TemplateError::NotFound(model.to_string()))
    }

    /// Saves these views as the draft. Creates the template if there is none, unless there is an `if_match` (the header as received).
    ///
    /// # Errors
    /// `ArgumentInvalid`, `NotFound`, `PreconditionFailed`.
    pub fn save_draft(
        &self,
        model: &Dtmi,
        views: Vec<View>,
        if_match: Option<&str>,
    ) -> Result<Template, TemplateError> {
        view::check(&views)?;
        let mut templates = self.templates();
        if if_match.is_some() && !templates.contains_key(model.as_str()) {
            return Err(TemplateError::NotFound(model.to_string()));
        }
        let template = get_or_create(&mut templates, model)?;
        self.update(template, if_match, |template| template.draft = views)
    }

    /// Creates a template with these views as its draft.
    ///
    /// # Errors
    /// `ArgumentInvalid`; `PreconditionFailed` if there is one.
    pub fn create(&self, model: &Dtmi, views: Vec<View>) -> Result<Template, TemplateError> {
        view::check(&views)?;
        let mut templates = self.templates();
        if let Some(existing) = templates.get(model.as_str()) {
            let failed = hub::Error::PreconditionFailed {
                existing: existing.etag(),
                given: "none".into(),
            };
            return Err(failed.into());
        }
        let template = get_or_create(&mut templates, model)?;
        self.update(template, None, |template| template.draft = views)
    }

    /// Publishes the draft as the newest version. `if_match` is the header as received.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`.
    pub fn publish(&self, model: &Dtmi, if_match: Option<&str>) -> Result<Template, TemplateError> {
        let mut templates = self.templates();
        let template = templates.get_mut(model.as_str());
        let template = template.ok_or_else(|| TemplateError::NotFound(model.to_string()))?;
        self.update(template, if_match, |template| {
            template.publish(Timestamp::now())
        })
    }

    /// Removes a template with all versions. `if_match` is the header as received.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`.
    pub fn remove(&self, model: &Dtmi, if_match: Option<&str>) -> Result<(), TemplateError> {
        let mut templates = self.templates();
        let template = templates.get(model.as_str());
        let template = template.ok_or_else(|| TemplateError::NotFound(model.to_string()))?;
        check_etag(if_match, &template.etag())?;
        template.delete(&self.inner.store);
        templates.remove(model.as_str());
        Ok(())
    }

    fn update(
        &self,
        template: &mut Template,
        if_match: Option<&str>,
        change: impl FnOnce(&mut Template),
    ) -> Result<Template, TemplateError> {
        check_etag(if_match, &template.etag())?;
        change(template);
        template.revision += 1;
        template.save(&self.inner.store);
        Ok(template.clone())
    }

    fn templates(&self) -> MutexGuard<'_, BTreeMap<String, Template>> {
        let templates = self.inner.templates.lock();
        templates.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the template of a model, a new one if there is none.
///
/// # Errors
/// `ArgumentInvalid` if there are too many.
fn get_or_create<'a>(
    templates: &'a mut BTreeMap<String, Template>,
    model: &Dtmi,
) -> Result<&'a mut Template, TemplateError> {
    if templates.len() >= MAX_TEMPLATES && !templates.contains_key(model.as_str()) {
        let why = format!("too many templates: the maximum is {MAX_TEMPLATES}");
        return Err(hub::Error::ArgumentInvalid(why).into());
    }
    let template = templates.entry(model.to_string());
    Ok(template.or_insert_with(|| Template::new(model)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_versions_are_removed_and_numbers_continue() {
        let mut template = Template::new(&"dtmi:a;1".parse().unwrap());
        for _ in 0..MAX_VERSIONS + 2 {
            template.publish(Timestamp::UNIX_EPOCH);
        }
        let versions = template.versions.iter().map(|version| version.version);
        assert_eq!(versions.collect::<Vec<_>>(), (3..=22).collect::<Vec<_>>());
    }
}
