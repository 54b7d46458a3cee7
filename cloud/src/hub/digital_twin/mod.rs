//! Digital twins: the view of a device twin that the digital twin API has. No time, no I/O.
//!
//! | | file |
//! |---|---|
//! | the view of a device twin | `projection` |
//! | parsing of a JSON Patch | `patch` |
//! | validation against a model | `validation` |
//! | conversion to a patch of desired properties | `desired` |

mod desired;
mod patch;
mod projection;
#[cfg(test)]
mod tests;
mod validation;

pub use self::patch::DigitalTwinPatch;
use super::{DeviceTwin, Error, Hub, check_etag, twin::TwinPatch};
use crate::json::{JsonObject, JsonValue};

/// The member that marks a component in a device twin.
const MARKER: (&str, &str) = ("__t", "c");
/// The member that marks a component in a digital twin.
const METADATA: &str = "$metadata";

impl DeviceTwin {
    /// Returns Azure's digital twin: values of properties, with desired values and acknowledgments in `$metadata`.
    pub fn to_digital_twin(&self) -> JsonValue {
        let (id, model) = (&self.device.device_id, self.model_id.as_deref());
        projection::digital_twin(id, model.unwrap_or_default(), &self.twin)
    }
}

impl Hub {
    /// Sets and clears desired properties, and pushes the change to the device if it is connected and subscribed. `if_match`
    /// is the header, verbatim.
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
                // Another change came first: convert the patch again.
                Err(Error::PreconditionFailed { .. }) => {}
                done => return done,
            }
        }
    }
}

/// Returns the object at `name`, if it is a component.
fn component<'a>(properties: &'a JsonObject, name: &str) -> Option<&'a JsonObject> {
    let object = properties.get(name)?.as_object()?;
    let (key, value) = MARKER;
    (object.get(key)?.as_str()? == value).then_some(object)
}
