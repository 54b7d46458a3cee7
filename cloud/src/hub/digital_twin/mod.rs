//! Digital twins: a device twin in the words of a model. No time, no I/O.
//!
//! | | file |
//! |---|---|
//! | what a digital twin shows | `projection` |
//! | what a JSON Patch says | `patch` |
//! | whether a model has it so | `conformance` |
//! | what it comes to as desired properties | `desired` |

mod conformance;
mod desired;
mod patch;
mod projection;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use self::patch::DigitalTwinPatch;

use super::Error;
use super::twin::TwinPatch;
use super::{DeviceTwin, Hub, check_etag};

/// What makes an object of a device twin a component: `{"__t": "c"}`.
const MARKER: (&str, &str) = ("__t", "c");
/// What makes an object of a digital twin a component.
const METADATA: &str = "$metadata";

impl DeviceTwin {
    /// Azure's digital twin: each property by its value, with what is wanted and acknowledged of it in `$metadata`.
    pub fn to_digital_twin(&self) -> Value {
        let (id, model) = (&self.device.device_id, self.model_id.as_deref());
        projection::digital_twin(id, model.unwrap_or_default(), &self.twin)
    }
}

impl Hub {
    /// Sets and clears desired properties as the patch says, and tells the device if it is connected and listens.
    /// `if_match` is the header as it came.
    ///
    /// # Errors
    /// `DeviceNotFound`, `PreconditionFailed`, `ArgumentInvalid`; the twin is unchanged then.
    pub fn patch_digital_twin(
        &self,
        id: &str,
        patch: &DigitalTwinPatch,
        if_match: Option<&str>,
    ) -> Result<DeviceTwin, Error> {
        loop {
            let before = self.twin(id)?;
            check_etag(if_match, &before.etag())?;
            let desired = Some(patch.desired(&before.twin)?);
            let change = TwinPatch {
                tags: None,
                desired,
            };
            match self.patch_twin(id, change, Some(&before.etag())) {
                // Someone else was first, and what he wrote may matter here.
                Err(Error::PreconditionFailed { .. }) => {}
                done => return done,
            }
        }
    }
}

/// The object at `name`, if it is a component's.
fn component<'a>(properties: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    let object = properties.get(name)?.as_object()?;
    let (key, value) = MARKER;
    (object.get(key)? == value).then_some(object)
}
