//! The registry: which devices there are.

use super::Error;
use super::c2d::Queue;
use super::subscriptions::Session;
use super::twin::TwinPatch;
use super::twins::Pushed;
use super::{
    Device, DeviceSpec, Entry, EventKind, Hub, RegistryChange, Status, SymmetricKeys, Twin,
    check_etag, entry, etag, now,
};
use crate::mqtt::Close;

impl Hub {
    /// Registers a device. Keys that are missing are made.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `DeviceAlreadyExists`.
    pub fn create_device(&self, spec: DeviceSpec) -> Result<Device, Error> {
        self.create_with_twin(spec, None)
    }

    /// Registers a device that starts with this twin, or not at all.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `DeviceAlreadyExists`.
    pub fn create_with_twin(
        &self,
        spec: DeviceSpec,
        twin: Option<TwinPatch>,
    ) -> Result<Device, Error> {
        let spec = spec.checked()?;
        let mut state = self.state();
        if state.contains_key(&spec.device_id) {
            return Err(Error::DeviceAlreadyExists(spec.device_id));
        }
        let mut entry = Entry::new(spec, self.number())?;
        let twin = twin.map(TwinPatch::clean);
        if let Some(twin) = &twin
            && let Some(push) = entry.twin.patch(twin.clone(), now())?
        {
            entry.pushed.note(&push);
        }
        let device = entry.snapshot();
        self.registered(&entry, RegistryChange::Created);
        if let Some(twin) = twin {
            self.record_changes(&entry, twin, false);
        }
        state.insert(device.device_id.clone(), entry);
        Ok(device)
    }

    /// Changes a registration. Keys that are missing stay. Disabling a device ends its connection. `if_match` is
    /// the header as it came.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `DeviceNotFound`, `PreconditionFailed`.
    pub fn update_device(&self, spec: DeviceSpec, if_match: Option<&str>) -> Result<Device, Error> {
        let spec = spec.checked()?;
        let mut state = self.state();
        let entry = entry(&mut state, &spec.device_id)?;
        check_etag(if_match, &entry.device.etag)?;
        entry.update(spec)?;
        self.registered(entry, RegistryChange::Updated);
        Ok(entry.snapshot())
    }

    /// One device.
    ///
    /// # Errors
    /// `DeviceNotFound`.
    pub fn device(&self, id: &str) -> Result<Device, Error> {
        Ok(entry(&mut self.state(), id)?.snapshot())
    }

    /// Every device, in the order of their ids.
    pub fn devices(&self) -> Vec<Device> {
        self.state().values().map(Entry::snapshot).collect()
    }

    /// Removes a device with its twin and its messages, and ends its connection. `if_match` is the header as it
    /// came.
    ///
    /// # Errors
    /// `DeviceNotFound`, `PreconditionFailed`.
    pub fn delete_device(&self, id: &str, if_match: Option<&str>) -> Result<(), Error> {
        let mut state = self.state();
        let entry = entry(&mut state, id)?;
        check_etag(if_match, &entry.device.etag)?;
        self.drop_link(entry, Close::Removed);
        self.registered(entry, RegistryChange::Deleted);
        entry.discard(self.store());
        state.remove(id);
        Ok(())
    }

    /// Makes sure that a device is there and has these keys, as the provisioning service does on assignment. A new
    /// one starts with `initial_twin`.
    pub(crate) fn provision(
        &self,
        id: &str,
        keys: SymmetricKeys,
        initial_twin: Option<TwinPatch>,
    ) -> Result<(), Error> {
        let spec = DeviceSpec::named(id).with_keys(keys.clone());
        match self.create_with_twin(spec, initial_twin) {
            Err(Error::DeviceAlreadyExists(_)) => self.set_keys(id, keys),
            created => created.map(drop),
        }
    }

    fn set_keys(&self, id: &str, keys: SymmetricKeys) -> Result<(), Error> {
        let mut state = self.state();
        let entry = entry(&mut state, id)?;
        let keys = keys.completed()?;
        if entry.device.keys != keys {
            entry.device.keys = keys;
            entry.revise();
            self.registered(entry, RegistryChange::Updated);
        }
        Ok(())
    }

    /// Keeps a registration that has changed, and tells.
    fn registered(&self, entry: &Entry, change: RegistryChange) {
        let registry = EventKind::Registry {
            change,
            generation_id: entry.device.generation_id.clone(),
            etag: entry.device.etag.clone(),
            status: entry.device.status,
        };
        self.store().record(&entry.device.device_id, registry);
        entry.keep(self.store());
    }
}

impl Entry {
    fn new(spec: DeviceSpec, generation: u64) -> Result<Self, Error> {
        let now = now();
        let keys = spec.keys().completed()?;
        Ok(Self {
            device: Device {
                device_id: spec.device_id,
                generation_id: format!("{}{generation}", now.as_millisecond()),
                etag: etag(1),
                status: spec.status,
                status_reason: spec.status_reason,
                status_updated: None,
                connected: false,
                connection_updated: None,
                last_activity: None,
                cloud_to_device_messages: 0,
                keys,
            },
            revision: 1,
            twin: Twin::new(now),
            pushed: Pushed::default(),
            model_id: None,
            session: Session::default(),
            queue: Queue::default(),
            link: None,
        })
    }

    fn update(&mut self, spec: DeviceSpec) -> Result<(), Error> {
        let keys = spec.keys().or_else(Some(&self.device.keys));
        self.device.keys = keys.completed()?;
        if self.device.status != spec.status {
            self.device.status_updated = Some(now());
        }
        self.device.status = spec.status;
        self.device.status_reason = spec.status_reason;
        self.revise();
        if spec.status == Status::Disabled {
            self.close(Close::Disabled);
        }
        Ok(())
    }

    fn revise(&mut self) {
        self.revision += 1;
        self.device.etag = etag(self.revision);
    }

    pub(super) fn snapshot(&self) -> Device {
        Device {
            cloud_to_device_messages: self.queue.len(),
            ..self.device.clone()
        }
    }
}
