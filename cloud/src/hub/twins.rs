//! Twins as the service and the device change them.

use std::iter;
use std::ops::Bound;

use serde_json::{Value, json};

use super::Error;
use super::link::Push;
use super::twin::{DesiredPush, TwinPatch};
use super::{Device, Entry, EventKind, Hub, Twin, TwinChange, entry, etag, now};

/// A twin together with what the registry says of its device.
#[derive(Clone, Debug)]
pub struct DeviceTwin {
    /// The device.
    pub device: Device,
    /// The model it announced when it last connected.
    pub model_id: Option<String>,
    /// Its properties and tags.
    pub twin: Twin,
}

/// How many twins are copied at once when many are read: devices do not wait long meanwhile.
const BATCH: usize = 64;

/// The last two changes of desired properties.
#[derive(Default)]
pub(super) struct Pushed {
    last: Option<DesiredPush>,
    before: Option<DesiredPush>,
}

impl Pushed {
    pub(super) fn note(&mut self, push: &DesiredPush) {
        self.before = self.last.replace(push.clone());
    }

    /// A change that is no longer the last, if there is one.
    pub(super) fn stale(&self) -> Option<DesiredPush> {
        self.before.clone().or_else(|| self.last.clone())
    }
}

impl DeviceTwin {
    /// The etag of the twin, which is not that of the device.
    pub fn etag(&self) -> String {
        etag::of(self.twin.operated_version())
    }

    /// Azure's `Twin`.
    pub fn to_json(&self) -> Value {
        let device = &self.device;
        json!({
            "deviceId": device.device_id,
            "etag": self.etag(),
            "deviceEtag": device.etag,
            "status": device.status,
            "statusUpdateTime": super::time(device.status_updated),
            "connectionState": device.connection_state(),
            "lastActivityTime": super::time(device.last_activity),
            "cloudToDeviceMessageCount": device.cloud_to_device_messages,
            "authenticationType": "sas",
            "x509Thumbprint": {"primaryThumbprint": null, "secondaryThumbprint": null},
            "modelId": self.model_id.as_deref().unwrap_or_default(),
            "version": self.twin.version(),
            "tags": self.twin.tags(),
            "properties": self.twin.properties_json(),
            "capabilities": {"iotEdge": false},
            "deviceScope": "",
        })
    }
}

impl Hub {
    /// The twin of a device.
    ///
    /// # Errors
    /// `DeviceNotFound`.
    pub fn twin(&self, id: &str) -> Result<DeviceTwin, Error> {
        Ok(entry(&mut self.state(), id)?.device_twin())
    }

    /// The model a device announced when it last connected, if there is such a device and it did.
    pub fn model_id(&self, id: &str) -> Option<String> {
        self.state().get(id)?.model_id.clone()
    }

    /// The twins of the devices whose ids come after `id`, in their order, each as it is when its turn comes. Whatever
    /// comes and goes meanwhile, none is there twice.
    pub fn twins_after(&self, id: &str) -> impl Iterator<Item = DeviceTwin> + use<> {
        let hub = self.clone();
        let batches = iter::successors(Some(self.batch_after(id)), move |batch| {
            Some(hub.batch_after(&batch.last()?.device.device_id))
        });
        batches.flatten()
    }

    fn batch_after(&self, id: &str) -> Vec<DeviceTwin> {
        let state = self.state();
        let later = state.range::<str, _>((Bound::Excluded(id), Bound::Unbounded));
        let twins = later.map(|(_, entry)| entry.device_twin());
        twins.take(BATCH).collect()
    }

    /// Merges tags and desired properties, and tells the device if it is connected and listens. `if_match` is the
    /// header as it came.
    ///
    /// # Errors
    /// `DeviceNotFound`, `PreconditionFailed`, `ArgumentInvalid`.
    pub fn patch_twin(
        &self,
        id: &str,
        patch: TwinPatch,
        if_match: Option<&str>,
    ) -> Result<DeviceTwin, Error> {
        self.change_twin(id, if_match, patch, false)
    }

    /// The same, but what is named is replaced, not merged.
    ///
    /// # Errors
    /// As for [`Hub::patch_twin`].
    pub fn replace_twin(
        &self,
        id: &str,
        with: TwinPatch,
        if_match: Option<&str>,
    ) -> Result<DeviceTwin, Error> {
        self.change_twin(id, if_match, with, true)
    }

    fn change_twin(
        &self,
        id: &str,
        if_match: Option<&str>,
        change: TwinPatch,
        replaces: bool,
    ) -> Result<DeviceTwin, Error> {
        let change = change.clean();
        let mut state = self.state();
        let entry = entry(&mut state, id)?;
        etag::check(if_match, &etag::of(entry.twin.operated_version()))?;
        let push = match replaces {
            true => entry.twin.replace(change.clone(), now())?,
            false => entry.twin.patch(change.clone(), now())?,
        };
        self.record_changes(entry, change, replaces);
        if let Some(push) = push {
            entry.pushed.note(&push);
            entry.push(Push::Desired(push));
        }
        Ok(entry.device_twin())
    }
}

impl Hub {
    /// Keeps a twin that an operator has changed, and tells.
    pub(super) fn record_changes(&self, entry: &Entry, change: TwinPatch, replaced: bool) {
        let version = entry.twin.desired_version();
        let twin_version = entry.twin.version();
        let changed = |patch| TwinChange {
            patch,
            replaced,
            version,
            twin_version,
        };
        let tags = change.tags.map(changed).map(EventKind::Tags);
        let desired = change.desired.map(changed).map(EventKind::Desired);
        for event in tags.into_iter().chain(desired) {
            self.store().record(&entry.device.device_id, event);
        }
        entry.keep(self.store());
    }
}

impl Entry {
    fn device_twin(&self) -> DeviceTwin {
        DeviceTwin {
            device: self.snapshot(),
            model_id: self.model_id.clone(),
            twin: self.twin.clone(),
        }
    }
}
