//! The device registry.

use super::{
    Device, DeviceSpec, Entry, Error, Hub, Twin, c2d::C2dQueue, check_etag, entry, etag,
    subscriptions::MqttSession, twin::TwinPatch, twins::DesiredHistory,
};
use crate::{
    clock::now,
    events::{EventKind, RegistryChange},
    identity::{Status, SymmetricKeys},
    mqtt::Close,
};

impl Hub {
    /// Registers a device. Missing keys are generated.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `DeviceAlreadyExists`.
    pub fn create_device(&self, spec: DeviceSpec) -> Result<Device, Error> {
        self.create_with_twin(spec, None)
    }

    /// Registers a device with an initial twin.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `DeviceAlreadyExists`.
    pub fn create_with_twin(
        &self,
        spec: DeviceSpec,
        twin: Option<TwinPatch>,
    ) -> Result<Device, Error> {
        let spec = spec.validated()?;
        let mut entries = self.entries();
        if entries.contains_key(&spec.device_id) {
            return Err(Error::DeviceAlreadyExists(spec.device_id));
        }
        let mut entry = Entry::new(spec, self.next_number())?;
        let twin = twin.map(TwinPatch::without_metadata);
        if let Some(twin) = &twin
            && let Some(push) = entry.twin.patch(twin.clone(), now())?
        {
            entry.desired_history.record(&push);
        }
        let device = entry.snapshot();
        self.record_registration(&entry, RegistryChange::Created);
        if let Some(twin) = twin {
            self.record_changes(&entry, twin, false);
        }
        entries.insert(device.device_id.clone(), entry);
        Ok(device)
    }

    /// Updates a registration. Missing keys stay. Disabling a device closes its connection. `if_match` is the header,
    /// verbatim.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `DeviceNotFound`, `PreconditionFailed`.
    pub fn update_device(&self, spec: DeviceSpec, if_match: Option<&str>) -> Result<Device, Error> {
        let spec = spec.validated()?;
        let mut entries = self.entries();
        let entry = entry(&mut entries, &spec.device_id)?;
        check_etag(if_match, &entry.device.etag)?;
        entry.update(spec)?;
        self.record_registration(entry, RegistryChange::Updated);
        Ok(entry.snapshot())
    }

    /// Returns a device.
    ///
    /// # Errors
    /// `DeviceNotFound`.
    pub fn device(&self, id: &str) -> Result<Device, Error> {
        Ok(entry(&mut self.entries(), id)?.snapshot())
    }

    /// Returns all devices in the order of their ids.
    pub fn devices(&self) -> Vec<Device> {
        self.entries().values().map(Entry::snapshot).collect()
    }

    /// Deletes a device with its twin and its messages, and closes its connection. `if_match` is the header, verbatim.
    ///
    /// # Errors
    /// `DeviceNotFound`, `PreconditionFailed`.
    pub fn delete_device(&self, id: &str, if_match: Option<&str>) -> Result<(), Error> {
        let mut entries = self.entries();
        let entry = entry(&mut entries, id)?;
        check_etag(if_match, &entry.device.etag)?;
        self.disconnect(entry, Close::Removed);
        self.record_registration(entry, RegistryChange::Deleted);
        entry.delete_rows(self.store());
        entries.remove(id);
        Ok(())
    }

    /// Registers a device with these keys, or updates the keys, as DPS does on assignment. A new device starts with
    /// `initial_twin`.
    pub(crate) fn provision(
        &self,
        id: &str,
        keys: SymmetricKeys,
        initial_twin: Option<TwinPatch>,
    ) -> Result<(), Error> {
        let spec = DeviceSpec::new(id).with_keys(keys.clone());
        match self.create_with_twin(spec, initial_twin) {
            Err(Error::DeviceAlreadyExists(_)) => self.set_keys(id, keys),
            created => created.map(drop),
        }
    }

    fn set_keys(&self, id: &str, keys: SymmetricKeys) -> Result<(), Error> {
        let mut entries = self.entries();
        let entry = entry(&mut entries, id)?;
        let keys = keys.or_generated()?;
        if entry.device.keys != keys {
            entry.device.keys = keys;
            entry.increment_revision();
            self.record_registration(entry, RegistryChange::Updated);
        }
        Ok(())
    }

    /// Persists a registration that has changed, and records the event.
    fn record_registration(&self, entry: &Entry, change: RegistryChange) {
        let registry = EventKind::Registry {
            change,
            generation_id: entry.device.generation_id.clone(),
            etag: entry.device.etag.clone(),
            status: entry.device.status,
        };
        self.store().record(&entry.device.device_id, registry);
        entry.persist(self.store());
    }
}

impl Entry {
    fn new(spec: DeviceSpec, generation: u64) -> Result<Self, Error> {
        let now = now();
        let keys = spec.keys().or_generated()?;
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
            desired_history: DesiredHistory::default(),
            model_id: None,
            session: MqttSession::default(),
            queue: C2dQueue::default(),
            connection: None,
        })
    }

    fn update(&mut self, spec: DeviceSpec) -> Result<(), Error> {
        let keys = spec.keys().or(Some(&self.device.keys));
        self.device.keys = keys.or_generated()?;
        if self.device.status != spec.status {
            self.device.status_updated = Some(now());
        }
        self.device.status = spec.status;
        self.device.status_reason = spec.status_reason;
        self.increment_revision();
        if spec.status == Status::Disabled {
            self.close(Close::Disabled);
        }
        Ok(())
    }

    fn increment_revision(&mut self) {
        self.revision += 1;
        self.device.etag = etag(self.revision);
    }

    pub(super) fn snapshot(&self) -> Device {
        Device {
            cloud_to_device_messages: self.queue.len(now()),
            ..self.device.clone()
        }
    }
}
