//! Who calls, and what they may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::Response;
use jiff::Timestamp;

use super::Error;
use super::Services;
use super::problem;
use crate::sas;

/// What a request needs to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// To read device identities.
    RegistryRead,
    /// To make, change and remove them.
    RegistryWrite,
    /// To read and change twins, call methods, send messages and follow events.
    ServiceConnect,
    /// Everything about enrolments.
    Enrolment,
    /// To let a person sign in to the console, where they may do everything.
    Console,
}

impl Right {
    const ALL: [Self; 5] = [
        Self::RegistryRead,
        Self::RegistryWrite,
        Self::ServiceConnect,
        Self::Enrolment,
        Self::Console,
    ];
}

/// What each policy may do, as in Azure, which has no console of this kind.
fn rights(policy: &str) -> &'static [Right] {
    match policy {
        "iothubowner" => &[
            Right::RegistryRead,
            Right::RegistryWrite,
            Right::ServiceConnect,
            Right::Console,
        ],
        "service" => &[Right::ServiceConnect],
        "registryRead" => &[Right::RegistryRead],
        "registryReadWrite" => &[Right::RegistryRead, Right::RegistryWrite],
        "provisioningserviceowner" => &[Right::Enrolment],
        _ => &[],
    }
}

/// On a request: whoever sent it has signed in to the console, and may do everything.
#[derive(Clone, Copy)]
pub(crate) struct SignedIn;

/// Someone who has signed in or shown a token of one of the policies, and whose request names an api-version where Azure wants one.
pub(super) struct Caller {
    rights: &'static [Right],
}

impl Caller {
    /// Refuses the request unless the caller has this right.
    pub(super) fn may(&self, right: Right) -> Result<(), Error> {
        match self.rights.contains(&right) {
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
        let refused = |error| problem::at(parts.uri.path(), error);
        let rights = rights_of(parts, services).ok_or_else(|| refused(Error::Unauthorized))?;
        if is_azures(parts) && !has_api_version(parts) {
            return Err(refused(Error::InvalidProtocolVersion));
        }
        Ok(Self { rights })
    }
}

fn rights_of(parts: &Parts, services: &Services) -> Option<&'static [Right]> {
    if parts.extensions.get::<SignedIn>().is_some() {
        return Some(&Right::ALL);
    }
    authenticate(parts.headers.get(AUTHORIZATION)?.to_str().ok()?, services)
}

fn authenticate(token: &str, services: &Services) -> Option<&'static [Right]> {
    let policy = sas::claimed_policy(token)?;
    let keys = services.policies.keys(&policy)?;
    let verified = sas::verify(token, &keys.each(), Timestamp::now()).ok()?;
    let host = verified.resource.split('/').next()?;
    services.is_named(host).then(|| rights(&policy))
}

/// What lies under `/api/` is this cloud's own.
fn is_azures(parts: &Parts) -> bool {
    !parts.uri.path().starts_with("/api/")
}

fn has_api_version(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| name.eq_ignore_ascii_case("api-version") && !value.is_empty())
}
