//! Device twins: reads and changes by the service.

use std::{iter, ops::Bound};

use serde_json::json;

use super::{
    Device, Entry, Error, Hub, Twin,
    connection::Push,
    entry, etag,
    twin::{DesiredPush, TwinPatch},
};
use crate::{
    clock::now,
    events::{EventKind, TwinChange},
    json::{JsonValue, object},
};

/// A twin with the identity of its device.
#[derive(Clone, Debug)]
pub struct DeviceTwin {
    /// The device identity.
    pub device: Device,
    /// The model that the device announced when it last connected.
    pub model_id: Option<String>,
    /// Properties and tags.
    pub twin: Twin,
}

/// The number of twins copied under one lock, small so that devices do not wait.
const BATCH_SIZE: usize = 64;

/// The last two changes of desired properties.
#[derive(Default)]
pub(super) struct DesiredHistory {
    last: Option<DesiredPush>,
    before: Option<DesiredPush>,
}

impl DesiredHistory {
    pub(super) fn record(&mut self, push: &DesiredPush) {
        self.before = self.last.replace(push.clone());
    }

    /// Returns the change before the last, or else the last.
    pub(super) fn stale(&self) -> Option<DesiredPush> {
        self.before.clone().or_else(|| self.last.clone())
    }
}

impl DeviceTwin {
    /// Returns the etag of the twin, which is not that of the device.
    pub fn etag(&self) -> String {
        etag::of(self.twin.service_version())
    }

    /// Returns Azure's `Twin`.
    pub fn to_json(&self) -> JsonValue {
        let device = &self.device;
        let time = |at| super::format_optional_timestamp(at).into();
        let thumbprints = json!({"primaryThumbprint": null, "secondaryThumbprint": null});
        let model_id = self.model_id.as_deref().unwrap_or_default();
        let members = [
            ("deviceId", (&device.device_id).into()),
            ("etag", self.etag().into()),
            ("deviceEtag", (&device.etag).into()),
            ("status", json!(device.status).into()),
            ("statusUpdateTime", time(device.status_updated)),
            ("connectionState", device.connection_state().into()),
            ("lastActivityTime", time(device.last_activity)),
            (
                "cloudToDeviceMessageCount",
                device.cloud_to_device_messages.into(),
            ),
            ("authenticationType", "sas".into()),
            ("x509Thumbprint", thumbprints.into()),
            ("modelId", model_id.into()),
            ("version", self.twin.version().into()),
            ("tags", self.twin.tags().clone().into()),
            ("properties", self.twin.properties_json()),
            ("capabilities", json!({"iotEdge": false}).into()),
            ("deviceScope", "".into()),
        ];
        object(members).into()
    }
}

impl Hub {
    /// Returns the twin of a device.
    ///
    /// # Errors
    /// `DeviceNotFound`.
    pub fn twin(&self, id: &str) -> Result<DeviceTwin, Error> {
        Ok(entry(&mut self.entries(), id)?.device_twin())
    }

    /// Returns the model that a device announced when it last connected.
    pub fn model_id(&self, id: &str) -> Option<String> {
        self.entries().get(id)?.model_id.clone()
    }

    /// Returns the twins after `id` in the order of device IDs, read in batches. None occurs twice, even if devices are
    /// registered and deleted meanwhile.
    pub fn twins_after(&self, id: &str) -> impl Iterator<Item = DeviceTwin> + use<> {
        let hub = self.clone();
        let batches = iter::successors(Some(self.batch_after(id)), move |batch| {
            Some(hub.batch_after(&batch.last()?.device.device_id))
        });
        batches.flatten()
    }

    fn batch_after(&self, id: &str) -> Vec<DeviceTwin> {
        let entries = self.entries();
        let later = entries.range::<str, _>((Bound::Excluded(id), Bound::Unbounded));
        let twins = later.map(|(_, entry)| entry.device_twin());
        twins.take(BATCH_SIZE).collect()
    }

    /// Merges tags and desired properties, and pushes them to the device if it is connected and subscribed. `if_match` is
    /// the header, verbatim.
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

    /// Replaces the sections in `with`, and pushes the change to the device.
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
        replace: bool,
    ) -> Result<DeviceTwin, Error> {
        let change = change.without_metadata();
        let mut entries = self.entries();
        let entry = entry(&mut entries, id)?;
        etag::check(if_match, &etag::of(entry.twin.service_version()))?;
        let push = match replace {
            true => entry.twin.replace(change.clone(), now())?,
            false => entry.twin.patch(change.clone(), now())?,
        };
        self.record_changes(entry, change, replace);
        if let Some(push) = push {
            entry.desired_history.record(&push);
            entry.push(Push::Desired(push));
        }
        Ok(entry.device_twin())
    }
}

impl Hub {
    /// Persists a twin that the service has changed, and records the events.
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
        entry.persist(self.store());
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
