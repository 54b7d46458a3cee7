//! Authentication of callers and their permissions.

use std::{borrow::Cow, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
    response::Response,
};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::{Error, Services, problem};
use crate::{
    console::{Grant, SessionHandle},
    dps, hub, sas,
};

/// A permission that a request needs, with Azure's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// Read device identities.
    RegistryRead,
    /// Create, change and delete device identities.
    RegistryWrite,
    /// Read and change twins, call methods, send messages and follow events.
    ServiceConnect,
    /// Read and change enrollments and registrations.
    Enrollment,
    /// Make links that sign in to the console, where all is permitted.
    Console,
}

impl Permission {
    const ALL: [Self; 5] = [
        Self::RegistryRead,
        Self::RegistryWrite,
        Self::ServiceConnect,
        Self::Enrollment,
        Self::Console,
    ];
}

/// Returns the permissions of a shared access policy, as in Azure; `Console` is the local cloud's own.
fn permissions(policy: &str) -> &'static [Permission] {
    match policy {
        "iothubowner" => &[
            Permission::RegistryRead,
            Permission::RegistryWrite,
            Permission::ServiceConnect,
            Permission::Console,
        ],
        "service" => &[Permission::ServiceConnect],
        "registryRead" => &[Permission::RegistryRead],
        "registryReadWrite" => &[Permission::RegistryRead, Permission::RegistryWrite],
        "provisioningserviceowner" => &[Permission::Enrollment],
        _ => &[],
    }
}

/// An authenticated caller, whose request names an api-version where Azure requires one.
pub(super) struct Caller {
    permissions: &'static [Permission],
    grant: Grant,
    session: Option<SessionHandle>,
}

impl Caller {
    /// Checks that the caller has this permission.
    ///
    /// # Errors
    /// `Unauthorized` if it is missing.
    pub(super) fn require(&self, permission: Permission) -> Result<(), Error> {
        match self.permissions.contains(&permission) {
            true => Ok(()),
            false => Err(Error::Unauthorized),
        }
    }

    /// Returns the grant for a session of the console, which ends with the credential of this request.
    pub(super) fn grant(&self) -> Grant {
        self.grant.clone()
    }

    /// Returns the caller's session of the console; `None` for a caller with a token.
    pub(super) fn session(&self) -> Option<&SessionHandle> {
        self.session.as_ref()
    }
}

impl FromRequestParts<Arc<Services>> for Caller {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, Self::Rejection> {
        let refused = |error| problem::response_for(parts.uri.path(), error);
        let caller = caller_of(parts, services).ok_or_else(|| refused(Error::Unauthorized))?;
        if is_azure_path(parts) && !has_api_version(parts) {
            return Err(refused(Error::InvalidProtocolVersion));
        }
        Ok(caller)
    }
}

fn caller_of(parts: &Parts, services: &Services) -> Option<Caller> {
    if let Some(session) = parts.extensions.get::<SessionHandle>() {
        return Some(Caller {
            permissions: &Permission::ALL,
            grant: session.grant.clone(),
            session: Some(session.clone()),
        });
    }
    authenticate(token_of(parts)?, parts.uri.path(), services)
}

fn token_of(parts: &Parts) -> Option<&str> {
    parts.headers.get(AUTHORIZATION)?.to_str().ok()
}

fn authenticate(token: &str, path: &str, services: &Services) -> Option<Caller> {
    let policy = sas::claimed_policy(token)?;
    let keys = services.policies.keys(&policy)?.both();
    let (key, verified) = keys.into_iter().find_map(|key| {
        let verified = sas::verify(token, &[key], Timestamp::now());
        Some((key, verified.ok()?))
    })?;
    let path = segments(path);
    let path: Vec<_> = path.iter().map(AsRef::as_ref).collect();
    let is_covered = verified.covers(|host| services.is_named(host), &path);
    is_covered.then(|| Caller {
        permissions: permissions(&policy),
        grant: Grant::of_token(key, verified.expiry),
        session: None,
    })
}

/// Returns the decoded segments of a path. Bytes that are not UTF-8 are replaced, so that they match nothing.
fn segments(path: &str) -> Vec<Cow<'_, str>> {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
        .collect()
}

/// A caller with any valid token for the path: a policy's or a device's own.
pub(super) struct AnyCaller;

impl FromRequestParts<Arc<Services>> for AnyCaller {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, Self::Rejection> {
        match is_device(parts, services) {
            true => Ok(Self),
            false => Caller::from_request_parts(parts, services)
                .await
                .map(|_| Self),
        }
    }
}

/// Returns true if the request has the own token of the device in its path: `/devices/{id}/…` with the key of the hub,
/// `/{scope}/registrations/{id}…` with that of an enrollment.
fn is_device(parts: &Parts, services: &Services) -> bool {
    let Some(token) = token_of(parts) else {
        return false;
    };
    let path = segments(parts.uri.path());
    let now = Timestamp::now();
    match &path[..] {
        [devices, id, ..] if devices == "devices" => {
            hub::verify_device(&services.hub, id, token, now).is_ok()
        }
        [scope, registrations, id, ..] if registrations == "registrations" => {
            *scope == services.dps.id_scope()
                && dps::verify_registration(&services.dps, id, token, now).is_ok()
        }
        _ => false,
    }
}

/// Returns false for the local cloud's own paths, below `/api/`.
fn is_azure_path(parts: &Parts) -> bool {
    !parts.uri.path().starts_with("/api/")
}

fn has_api_version(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| name.eq_ignore_ascii_case("api-version") && !value.is_empty())
}
