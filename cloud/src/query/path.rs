//! Attributes of a twin, and where they are.

use serde_json::Value;

/// The way to an attribute: `properties.reported.temperature`, `tags['floor plan']`, `tags.doors[0]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// What every twin has. The case of these names, and of no others, does not matter.
const OF_EVERY_TWIN: [&str; 16] = [
    "authenticationType",
    "capabilities",
    "cloudToDeviceMessageCount",
    "connectionState",
    "deviceEtag",
    "deviceId",
    "deviceScope",
    "etag",
    "lastActivityTime",
    "modelId",
    "properties",
    "status",
    "statusUpdateTime",
    "tags",
    "version",
    "x509Thumbprint",
];

/// As a sample of Microsoft's calls it.
const ID: &str = "id";

impl Path {
    /// The way along `steps`. A leading `devices` may be there, and says nothing.
    pub(super) fn new(mut steps: Vec<Step>) -> Self {
        let collection =
            |step: &Step| matches!(step, Step::Key(key) if key.eq_ignore_ascii_case("devices"));
        if steps.len() > 1 && steps.first().is_some_and(collection) {
            steps.remove(0);
        }
        if let Some(Step::Key(root)) = steps.first_mut() {
            *root = canonical(root);
        }
        Self(steps)
    }

    /// What is there in `twin`, if anything.
    pub(super) fn of<'a>(&self, twin: &'a Value) -> Option<&'a Value> {
        let mut steps = self.0.iter();
        steps.try_fold(twin, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }

    /// The name of a column that is given no other.
    pub(super) fn name(&self) -> String {
        match self.0.last() {
            Some(Step::Key(key)) => key.clone(),
            Some(Step::Index(index)) => index.to_string(),
            None => String::new(),
        }
    }
}

fn canonical(root: &str) -> String {
    if root.eq_ignore_ascii_case(ID) {
        return "deviceId".into();
    }
    let known = OF_EVERY_TWIN.into_iter();
    let known = known
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(root));
    known.unwrap_or(root).to_owned()
}
