//! The provisioning service: who may register, and which hub a device belongs to.

mod connect;
mod endpoint;
mod enrollment;
mod error;
mod record;
mod registration;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub(crate) use self::connect::accept;
pub(crate) use self::endpoint::Endpoint;
pub use self::enrollment::{Attestation, Enrollment, EnrollmentKind, EnrollmentSpec};
pub use self::error::Error;
pub use self::registration::{Registration, RegistrationStatus};

use crate::faults::Fault;
use crate::hub::{Hub, SymmetricKeys, check_etag, now};
use crate::store::{Store, StoreError};

/// What a provisioning service is told when it starts.
#[derive(Clone, Debug)]
pub struct DpsConfig {
    /// The host names it answers to, with or without port.
    pub names: Vec<String>,
    /// What tells it from others; devices send it with everything.
    pub id_scope: String,
    /// The hub devices are assigned to, as they are to connect to it: `host`, or `host:port` if the port is not 8883.
    pub assigned_hub: String,
    /// How long devices are told to wait before they ask what became of their registration, in seconds. 0 is allowed.
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
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    enrollments: BTreeMap<(EnrollmentKind, String), Enrollment>,
    registrations: BTreeMap<String, Registration>,
}

impl Dps {
    /// The service that assigns to `hub` and shares its store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn open(mut config: DpsConfig, hub: Hub) -> Result<Self, StoreError> {
        for name in &mut config.names {
            *name = crate::hub::host(name);
        }
        let state = Mutex::new(record::restored(hub.store())?);
        Ok(Self {
            inner: Arc::new(Inner { config, hub, state }),
        })
    }

    /// The id scope.
    pub fn id_scope(&self) -> &str {
        &self.inner.config.id_scope
    }

    /// The hub devices are assigned to, as they are told.
    pub fn assigned_hub(&self) -> &str {
        &self.inner.config.assigned_hub
    }

    /// Whether `name`, with or without port, in any case, is one of the service's.
    pub fn is_named(&self, name: &str) -> bool {
        self.inner.config.names.contains(&crate::hub::host(name))
    }

    /// Makes an enrolment, or changes one. Keys that are missing are made, or stay. `if_match` is the header as it
    /// came; with one, the enrolment must be there.
    ///
    /// # Errors
    /// `ArgumentInvalid`, `EnrollmentNotFound`, `PreconditionFailed`.
    pub fn put_enrollment(
        &self,
        kind: EnrollmentKind,
        id: &str,
        spec: EnrollmentSpec,
        if_match: Option<&str>,
    ) -> Result<Enrollment, Error> {
        let mut state = self.state();
        let old = state.enrollments.get(&(kind, id.to_owned()));
        match old {
            Some(old) => check_etag(if_match, &old.etag)?,
            None if if_match.is_some() => return Err(Error::EnrollmentNotFound(id.into())),
            None => {}
        }
        let enrollment = Enrollment::new(kind, id, spec, old)?;
        enrollment.keep(self.store());
        state
            .enrollments
            .insert((kind, id.to_owned()), enrollment.clone());
        Ok(enrollment)
    }

    /// One enrolment.
    ///
    /// # Errors
    /// `EnrollmentNotFound`.
    pub fn enrollment(&self, kind: EnrollmentKind, id: &str) -> Result<Enrollment, Error> {
        let state = self.state();
        let found = state.enrollments.get(&(kind, id.to_owned())).cloned();
        found.ok_or_else(|| Error::EnrollmentNotFound(id.to_owned()))
    }

    /// Every enrolment of a kind, in the order of their ids.
    pub fn enrollments(&self, kind: EnrollmentKind) -> Vec<Enrollment> {
        let state = self.state();
        let all = state.enrollments.values();
        all.filter(|one| one.kind == kind).cloned().collect()
    }

    /// Removes an enrolment. Devices that are assigned stay assigned. `if_match` is the header as it came.
    ///
    /// # Errors
    /// `EnrollmentNotFound`, `PreconditionFailed`.
    pub fn delete_enrollment(
        &self,
        kind: EnrollmentKind,
        id: &str,
        if_match: Option<&str>,
    ) -> Result<(), Error> {
        let mut state = self.state();
        let key = (kind, id.to_owned());
        let found = state.enrollments.get(&key);
        let found = found.ok_or_else(|| Error::EnrollmentNotFound(id.to_owned()))?;
        check_etag(if_match, &found.etag)?;
        found.discard(self.store());
        state.enrollments.remove(&key);
        Ok(())
    }

    /// What became of a registration.
    ///
    /// # Errors
    /// `RegistrationNotFound`.
    pub fn registration(&self, id: &str) -> Result<Registration, Error> {
        let found = self.state().registrations.get(id).cloned();
        found.ok_or_else(|| Error::RegistrationNotFound(id.to_owned()))
    }

    /// Every registration, in the order of their ids.
    pub fn registrations(&self) -> Vec<Registration> {
        self.state().registrations.values().cloned().collect()
    }

    /// Forgets a registration. The device stays in the hub. `if_match` is the header as it came.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `PreconditionFailed`.
    pub fn forget(&self, id: &str, if_match: Option<&str>) -> Result<(), Error> {
        let missing = || Error::RegistrationNotFound(id.to_owned());
        let mut state = self.state();
        let registration = state.registrations.get(id).ok_or_else(missing)?;
        check_etag(if_match, &registration.etag)?;
        registration.discard(self.store());
        state.registrations.remove(id);
        Ok(())
    }

    /// Registers: assigns the device to the hub, which then has it with its keys, or notes why not.
    fn register(&self, id: &str, by: &Enrollment, payload: Option<Value>) -> Registration {
        let mut registration = Registration::new(id, self.state().registrations.get(id), payload);
        registration.status = self.assign(id, by);
        registration.group = by.group();
        let mut state = self.state();
        registration.keep(self.store());
        state
            .registrations
            .insert(id.to_owned(), registration.clone());
        registration
    }

    fn assign(&self, id: &str, by: &Enrollment) -> RegistrationStatus {
        if !by.is_enabled() {
            return RegistrationStatus::Disabled;
        }
        let device_id = by.device_id.clone().unwrap_or_else(|| id.to_owned());
        let hub = &self.inner.hub;
        match hub.provision(&device_id, by.keys_of(id), by.initial_twin.clone()) {
            Ok(()) => RegistrationStatus::Assigned {
                hub: self.hub_for(id),
                device_id,
            },
            Err(error) => error.into(),
        }
    }

    /// The hub a device is told: the one there is, but for a fault.
    fn hub_for(&self, id: &str) -> String {
        let other = self.fault(id, |fault| match fault {
            Fault::Reassign { hub } => Some(hub.clone().unwrap_or_else(|| self.other_name())),
            _ => None,
        });
        other.unwrap_or_else(|| self.assigned_hub().to_owned())
    }

    /// Another name of the hub there is, if it has one.
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

    /// What `look` finds among the faults that are on for this registration.
    fn fault<T>(&self, id: &str, look: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.inner.hub.faults().find(Some(id), look)
    }

    /// The enrolments that may speak for a registration id: its own, or else every group.
    fn candidates(&self, registration_id: &str) -> Vec<Enrollment> {
        match self.enrollment(EnrollmentKind::Individual, registration_id) {
            Ok(own) => vec![own],
            Err(_) => self.enrollments(EnrollmentKind::Group),
        }
    }

    fn store(&self) -> &Store {
        self.inner.hub.store()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}
