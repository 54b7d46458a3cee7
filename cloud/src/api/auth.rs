//! Authentication of callers and their permissions.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
    response::Response,
};
use jiff::Timestamp;

use super::{Error, Services, problem};
use crate::sas;

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

/// A request extension: the sender has signed in to the console and has all permissions.
#[derive(Clone, Copy)]
pub(crate) struct SignedIn;

/// An authenticated caller, whose request names an api-version where Azure requires one.
pub(super) struct Caller {
    permissions: &'static [Permission],
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
}

impl FromRequestParts<Arc<Services>> for Caller {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, Self::Rejection> {
        let refused = |error| problem::response_for(parts.uri.path(), error);
        let permissions =
            permissions_of(parts, services).ok_or_else(|| refused(Error::Unauthorized))?;
        if is_azure_path(parts) && !has_api_version(parts) {
            return Err(refused(Error::InvalidProtocolVersion));
        }
        Ok(Self { permissions })
    }
}

fn permissions_of(parts: &Parts, services: &Services) -> Option<&'static [Permission]> {
    if parts.extensions.get::<SignedIn>().is_some() {
        return Some(&Permission::ALL);
    }
    authenticate(parts.headers.get(AUTHORIZATION)?.to_str().ok()?, services)
}

fn authenticate(token: &str, services: &Services) -> Option<&'static [Permission]> {
    let policy = sas::claimed_policy(token)?;
    let keys = services.policies.keys(&policy)?;
    let verified = sas::verify(token, &keys.both(), Timestamp::now()).ok()?;
    let host = verified.resource.split('/').next()?;
    services.is_named(host).then(|| permissions(&policy))
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
