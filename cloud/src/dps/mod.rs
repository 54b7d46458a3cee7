//! The Device Provisioning Service: enrollments, registrations and the assignment to the hub.

mod connect;
mod endpoint;
mod enrollment;
mod error;
mod persistence;
mod registration;
mod registration_id;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

pub(crate) use self::{
    connect::{AttestedDevice, accept, verify_registration},
    endpoint::RegistrationEndpoint,
};
pub use self::{
    enrollment::{Attestation, Enrollment, EnrollmentKind, EnrollmentSpec},
    error::Error,
    registration::{Registration, RegistrationStatus},
    registration_id::RegistrationId,
};
use crate::{
    clock::now,
    faults::Fault,
    hub::{self, Hub, check_etag},
    identity::SymmetricKeys,
    store::{Store, StoreError},
};

/// The configuration of the provisioning service.
#[derive(Clone, Debug)]
pub struct DpsConfig {
    /// Host names of the service, with or without port.
    pub names: Vec<String>,
    /// ID scope, which devices send in topics and tokens.
    pub id_scope: String,
    /// Host name of the hub that devices are assigned to: `host`, or `host:port` if the port is not 8883.
    pub assigned_hub: String,
    /// `retry-after` of the assignment in seconds. 0 is allowed.
    pub retry_after: u32,
}

/// One provisioning service with one hub behind it. Clones are the same service.
#[derive(Clone)]
pub struct Dps {
    inner: Arc<Inner>,
}

struct Inner {
    config: DpsConfig,
    hub: Hub,
    state: Mutex<DpsState>,
}

#[derive(Default)]
struct DpsState {
    enrollments: BTreeMap<(EnrollmentKind, RegistrationId), Enrollment>,
    registrations: BTreeMap<RegistrationId, Registration>,
}

impl Dps {
    /// Opens the service that assigns to `hub` and shares its store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn open(mut config: DpsConfig, hub: Hub) -> Result<Self, StoreError> {
        for name in &mut config.names {
            *name = crate::hub::normalize_host(name);
        }
        let state = Mutex::new(persistence::load(hub.store())?);
        Ok(Self {
            inner: Arc::new(Inner { config, hub, state }),
        })
    }

    /// Returns the ID scope.
    pub fn id_scope(&self) -> &str {
        &self.inner.config.id_scope
    }

    /// Returns the host name of the hub that devices are assigned to.
    pub fn assigned_hub(&self) -> &str {
        &self.inner.config.assigned_hub
    }

    /// Returns true if `name`, with or without port, in any case, is one of the service's host names.
    pub fn is_named(&self, name: &str) -> bool {
        self.inner
            .config
            .names
            .contains(&crate::hub::normalize_host(name))
    }

    /// Creates an enrollment, or replaces the one whose etag `if_match` has, the header verbatim. Missing keys are generated,
    /// or stay.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `EnrollmentExists` without `if_match`, `EnrollmentNotFound` and `PreconditionFailed` with it.
    pub fn put_enrollment(
        &self,
        kind: EnrollmentKind,
        id: &str,
        spec: EnrollmentSpec,
        if_match: Option<&str>,
    ) -> Result<Enrollment, Error> {
        let id = RegistrationId::parse(id).map_err(hub::Error::ArgumentInvalid)?;
        let mut state = self.state();
        let old = state.enrollments.get(&(kind, id.clone()));
        match (old, if_match) {
            (Some(old), Some(_)) => check_etag(if_match, &old.etag)?,
            (Some(old), None) => return Err(Error::EnrollmentExists(old.id.to_string())),
            (None, Some(_)) => return Err(Error::EnrollmentNotFound(id.to_string())),
            (None, None) => {}
        }
        let enrollment = Enrollment::new(kind, id.clone(), spec, old)?;
        enrollment.persist(self.store());
        state.enrollments.insert((kind, id), enrollment.clone());
        Ok(enrollment)
    }

    /// Returns an enrollment.
    ///
    /// # Errors
    /// `EnrollmentNotFound`.
    pub fn enrollment(&self, kind: EnrollmentKind, id: &str) -> Result<Enrollment, Error> {
        let found = RegistrationId::parse(id).ok();
        let found = found.and_then(|id| self.find_enrollment(kind, &id));
        found.ok_or_else(|| Error::EnrollmentNotFound(id.to_owned()))
    }

    /// Returns all enrollments of a kind in the order of their ids.
    pub fn enrollments(&self, kind: EnrollmentKind) -> Vec<Enrollment> {
        let state = self.state();
        let all = state.enrollments.values();
        all.filter(|one| one.kind == kind).cloned().collect()
    }

    /// Deletes an enrollment. Assigned devices stay assigned. `if_match` is the header, verbatim.
    ///
    /// # Errors
    /// `EnrollmentNotFound`, `PreconditionFailed`.
    pub fn delete_enrollment(
        &self,
        kind: EnrollmentKind,
        id: &str,
        if_match: Option<&str>,
    ) -> Result<(), Error> {
        let missing = || Error::EnrollmentNotFound(id.to_owned());
        let mut state = self.state();
        let key = (kind, RegistrationId::parse(id).map_err(|_| missing())?);
        let found = state.enrollments.get(&key).ok_or_else(missing)?;
        check_etag(if_match, &found.etag)?;
        found.delete_row(self.store());
        state.enrollments.remove(&key);
        Ok(())
    }

    /// Returns a registration.
    ///
    /// # Errors
    /// `RegistrationNotFound`.
    pub fn registration(&self, id: &str) -> Result<Registration, Error> {
        let found = RegistrationId::parse(id).ok();
        let found = found.and_then(|id| self.find_registration(&id));
        found.ok_or_else(|| Error::RegistrationNotFound(id.to_owned()))
    }

    /// Returns all registrations in the order of their ids.
    pub fn registrations(&self) -> Vec<Registration> {
        self.state().registrations.values().cloned().collect()
    }

    /// Deletes a registration. The device stays in the hub. `if_match` is the header, verbatim.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `PreconditionFailed`.
    pub fn delete_registration(&self, id: &str, if_match: Option<&str>) -> Result<(), Error> {
        let missing = || Error::RegistrationNotFound(id.to_owned());
        let mut state = self.state();
        let key = RegistrationId::parse(id).map_err(|_| missing())?;
        let registration = state.registrations.get(&key).ok_or_else(missing)?;
        check_etag(if_match, &registration.etag)?;
        registration.delete_row(self.store());
        state.registrations.remove(&key);
        Ok(())
    }

    /// Registers a device: assigns it to the hub, or records the failure.
    fn register(
        &self,
        device: &AttestedDevice,
        enrollment: &Enrollment,
        payload: Option<Value>,
    ) -> Registration {
        let id = &device.id;
        let old = self.find_registration(id);
        let mut registration = Registration::new(id.clone(), old.as_ref(), payload);
        registration.status = self.assign(id.as_str(), enrollment, &device.keys);
        registration.group = enrollment.group();
        let mut state = self.state();
        registration.persist(self.store());
        state.registrations.insert(id.clone(), registration.clone());
        registration
    }

    fn assign(
        &self,
        id: &str,
        enrollment: &Enrollment,
        keys: &SymmetricKeys,
    ) -> RegistrationStatus {
        if !enrollment.is_enabled() {
            return RegistrationStatus::Disabled;
        }
        let device_id = enrollment
            .device_id
            .clone()
            .unwrap_or_else(|| id.to_owned());
        let hub = &self.inner.hub;
        match hub.provision(&device_id, keys.clone(), enrollment.initial_twin.clone()) {
            Ok(()) => RegistrationStatus::Assigned {
                hub: self.hub_for(id),
                device_id,
            },
            Err(error) => error.into(),
        }
    }

    /// Returns the hub to assign, which a fault may change.
    fn hub_for(&self, id: &str) -> String {
        let other = self.fault(id, |fault| match fault {
            Fault::Reassign { hub } => Some(hub.clone().unwrap_or_else(|| self.other_name())),
            _ => None,
        });
        other.unwrap_or_else(|| self.assigned_hub().to_owned())
    }

    /// Returns another name of the hub, if it has one.
    fn other_name(&self) -> String {
        let own = self.assigned_hub();
        let (host, port) = match own.rsplit_once(':') {
            Some((host, port)) => (host, format!(":{port}")),
            None => (own, String::new()),
        };
        let mut names = self.inner.config.names.iter();
        let other = names.find(|name| *name != host);
        other.map_or_else(|| own.to_owned(), |name| format!("{name}{port}"))
    }

    /// Returns the first value that `look` finds among the active faults of this registration.
    fn fault<T>(&self, id: &str, look: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.inner.hub.faults().find(Some(id), look)
    }

    /// Returns the enrollments that may authenticate a registration ID: its own, or else every group.
    fn candidates(&self, id: &RegistrationId) -> Vec<Enrollment> {
        match self.find_enrollment(EnrollmentKind::Individual, id) {
            Some(own) => vec![own],
            None => self.enrollments(EnrollmentKind::Group),
        }
    }

    /// Returns the id that a device registers under: spelled as in its enrollment, or as at its first registration.
    fn shown_id(&self, enrollment: &Enrollment, id: RegistrationId) -> RegistrationId {
        match enrollment.kind {
            EnrollmentKind::Individual => enrollment.id.clone(),
            EnrollmentKind::Group => self
                .find_registration(&id)
                .map_or(id, |old| old.registration_id),
        }
    }

    fn find_enrollment(&self, kind: EnrollmentKind, id: &RegistrationId) -> Option<Enrollment> {
        self.state().enrollments.get(&(kind, id.clone())).cloned()
    }

    fn find_registration(&self, id: &RegistrationId) -> Option<Registration> {
        self.state().registrations.get(id).cloned()
    }

    fn store(&self) -> &Store {
        self.inner.hub.store()
    }

    fn state(&self) -> MutexGuard<'_, DpsState> {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}
