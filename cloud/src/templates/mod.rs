//! How the devices of a model are shown: views that an operator arranges, and publishes when they are right.
//!
//! What is arranged is a draft, which only its makers look at; publishing makes a version of it, which everyone sees, and
//! which stays as it is.

mod record;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dtdl::Dtmi;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use view::{Capability, Tile, TileKind, View};

use crate::hub::{self, check_etag, etag};
use crate::store::{Store, StoreError};

/// So many of the newest versions are kept.
const VERSIONS: usize = 20;
/// So many models may have a template.
const TEMPLATES: usize = 1000;

/// A refused operation on a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// An invalid argument, or a failed precondition.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// No template exists for this model.
    #[error("no template was made for the model {0}")]
    NotFound(String),
}

/// The templates of a cloud. Clones are the same.
#[derive(Clone)]
pub struct Templates {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    templates: Mutex<BTreeMap<String, Template>>,
}

/// How the devices of one model are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The model's identifier.
    pub model: String,
    /// Counts the changes.
    revision: u64,
    /// What is being arranged.
    pub draft: Vec<View>,
    /// What was published, the newest last.
    pub versions: Vec<Version>,
}

/// How things stand with a template: everything but its views.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The model's identifier.
    pub model: String,
    /// As [`Template::etag`] has it.
    pub etag: String,
    /// The newest version, if there is one.
    pub version: Option<u32>,
    /// When that was published.
    pub published: Option<Timestamp>,
    /// Whether the draft differs from it.
    pub changed: bool,
}

/// Views as they were published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Counts from 1.
    pub version: u32,
    /// When.
    pub published: Timestamp,
    /// What.
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

    /// Changes whenever the template does.
    pub fn etag(&self) -> String {
        etag(self.revision)
    }

    fn summary(&self) -> Summary {
        let newest = self.versions.last();
        let seen = newest.map_or(&[][..], |newest| &newest.views);
        Summary {
            model: self.model.clone(),
            etag: self.etag(),
            version: newest.map(|newest| newest.version),
            published: newest.map(|newest| newest.published),
            changed: self.draft != seen,
        }
    }

    fn publish(&mut self, now: Timestamp) {
        let newest = self.versions.last().map_or(0, |newest| newest.version);
        self.versions.push(Version {
            version: newest + 1,
            published: now,
            views: self.draft.clone(),
        });
        let surplus = self.versions.len().saturating_sub(VERSIONS);
        self.versions.drain(..surplus);
    }
}

impl Templates {
    /// The templates of this store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(store: Store) -> Result<Self, StoreError> {
        let templates = Mutex::new(record::restored(&store)?);
        Ok(Self {
            inner: Arc::new(Inner { store, templates }),
        })
    }

    /// Every template, in the order of their models.
    pub fn list(&self) -> Vec<Summary> {
        self.templates().values().map(Template::summary).collect()
    }

    /// The template of a model.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get(&self, model: &Dtmi) -> Result<Template, TemplateError> {
        let found = self.templates().get(model.as_str()).cloned();
        found.ok_or_else(|| TemplateError::NotFound(model.to_string()))
    }

    /// Makes these views the draft, and the template if there is none. `if_match` is the header as it came; with one,
    /// the template must be there.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `NotFound`, `PreconditionFailed`.
    pub fn arrange(
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
        let template = begun(&mut templates, model)?;
        self.change(template, if_match, |template| template.draft = views)
    }

    /// Makes a template with these views as its draft.
    ///
    /// # Errors
    /// `ArgumentInvalid`; `PreconditionFailed` if there is one.
    pub fn create(&self, model: &Dtmi, views: Vec<View>) -> Result<Template, TemplateError> {
        view::check(&views)?;
        let mut templates = self.templates();
        if let Some(there) = templates.get(model.as_str()) {
            let failed = hub::Error::PreconditionFailed {
                existing: there.etag(),
                given: "none".into(),
            };
            return Err(failed.into());
        }
        let template = begun(&mut templates, model)?;
        self.change(template, None, |template| template.draft = views)
    }

    /// Makes the draft the newest version. `if_match` is the header as it came.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`.
    pub fn publish(&self, model: &Dtmi, if_match: Option<&str>) -> Result<Template, TemplateError> {
        let mut templates = self.templates();
        let template = templates.get_mut(model.as_str());
        let template = template.ok_or_else(|| TemplateError::NotFound(model.to_string()))?;
        self.change(template, if_match, |template| {
            template.publish(Timestamp::now())
        })
    }

    /// Removes a template with all its versions. `if_match` is the header as it came.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`.
    pub fn remove(&self, model: &Dtmi, if_match: Option<&str>) -> Result<(), TemplateError> {
        let mut templates = self.templates();
        let template = templates.get(model.as_str());
        let template = template.ok_or_else(|| TemplateError::NotFound(model.to_string()))?;
        check_etag(if_match, &template.etag())?;
        template.discard(&self.inner.store);
        templates.remove(model.as_str());
        Ok(())
    }

    fn change(
        &self,
        template: &mut Template,
        if_match: Option<&str>,
        change: impl FnOnce(&mut Template),
    ) -> Result<Template, TemplateError> {
        check_etag(if_match, &template.etag())?;
        change(template);
        template.revision += 1;
        template.keep(&self.inner.store);
        Ok(template.clone())
    }

    fn templates(&self) -> MutexGuard<'_, BTreeMap<String, Template>> {
        let templates = self.inner.templates.lock();
        templates.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The template of a model, a new one if there is none and room for one.
fn begun<'a>(
    templates: &'a mut BTreeMap<String, Template>,
    model: &Dtmi,
) -> Result<&'a mut Template, TemplateError> {
    if templates.len() >= TEMPLATES && !templates.contains_key(model.as_str()) {
        let why = format!("there are {TEMPLATES} templates, and no more are kept");
        return Err(hub::Error::ArgumentInvalid(why).into());
    }
    let template = templates.entry(model.to_string());
    Ok(template.or_insert_with(|| Template::new(model)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_versions_give_way_and_numbers_go_on() {
        let mut template = Template::new(&"dtmi:a;1".parse().unwrap());
        for _ in 0..VERSIONS + 2 {
            template.publish(Timestamp::UNIX_EPOCH);
        }
        let versions = template.versions.iter().map(|version| version.version);
        assert_eq!(versions.collect::<Vec<_>>(), (3..=22).collect::<Vec<_>>());
    }
}
