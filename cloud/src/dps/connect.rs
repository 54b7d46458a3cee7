//! Authentication of devices at DPS.

use jiff::Timestamp;

use super::{Dps, EnrollmentKind, RegistrationEndpoint, RegistrationId};
use crate::{
    identity::SymmetricKeys,
    mqtt::{Authenticated, Connect, Refusal},
    sas,
};

/// Authenticates a CONNECT.
///
/// # Errors
/// A refusal with the return code and the reason.
pub(crate) fn accept(
    dps: &Dps,
    connect: &Connect,
    now: Timestamp,
) -> Result<Authenticated<RegistrationEndpoint>, Refusal> {
    let id = registration_id(connect, dps.id_scope())?;
    let no_password = || Refusal::unauthorized("no password");
    let token = connect.password_text().ok_or_else(no_password)?;
    let attested = verify_registration(dps, id, token, now).map_err(Refusal::unauthorized)?;
    Ok(Authenticated {
        expiry: attested.expiry,
        endpoint: RegistrationEndpoint::new(dps.clone(), attested),
    })
}

/// A device that has proved its key to the provisioning service.
pub(crate) struct AttestedDevice {
    /// The registration ID as it is shown: as in the enrollment, or as at the first registration in a group.
    pub(super) id: RegistrationId,
    /// The enrollment whose key signed the token.
    pub(super) enrollment: (EnrollmentKind, RegistrationId),
    /// The keys of the device.
    pub(super) keys: SymmetricKeys,
    pub(super) expiry: Timestamp,
}

/// Parses the user name `{idScope}/registrations/{registrationId}/api-version=…`.
fn registration_id<'a>(connect: &'a Connect, id_scope: &str) -> Result<&'a str, Refusal> {
    let user = connect.username.as_deref().unwrap_or_default();
    let mut parts = user.split('/');
    let scope = parts.next().unwrap_or_default();
    let id = parts.nth(1).unwrap_or_default();
    if scope != id_scope {
        let why = format!("unknown ID scope {scope:?} in the user name");
        return Err(Refusal::unauthorized(why));
    }
    if id != connect.client_id {
        let why = format!("the client id differs from the registration ID {id:?} in the user name");
        return Err(Refusal::unauthorized(why));
    }
    if !parts
        .next()
        .is_some_and(|query| query.contains("api-version="))
    {
        return Err(Refusal::unauthorized(
            "missing api-version in the user name",
        ));
    }
    Ok(id)
}

/// Finds the enrollment whose key signed the token.
///
/// # Errors
/// The reason.
pub(crate) fn verify_registration(
    dps: &Dps,
    id: &str,
    token: &str,
    now: Timestamp,
) -> Result<AttestedDevice, String> {
    let id = RegistrationId::parse(id)?;
    let mut refusal = "no enrollment matches the registration ID".to_owned();
    for candidate in dps.candidates(&id) {
        for keys in candidate.possible_keys(&id) {
            match verify(dps, &id, &keys, token, now) {
                Ok(expiry) => {
                    return Ok(AttestedDevice {
                        id: dps.shown_id(&candidate, id),
                        enrollment: (candidate.kind, candidate.id.clone()),
                        keys,
                        expiry,
                    });
                }
                Err(reason) => refusal = reason,
            }
        }
    }
    Err(refusal)
}

fn verify(
    dps: &Dps,
    id: &RegistrationId,
    keys: &SymmetricKeys,
    token: &str,
    now: Timestamp,
) -> Result<Timestamp, String> {
    let token = sas::verify(token, &keys.both(), now).map_err(|error| error.to_string())?;
    let is_scope = |scope: &str| scope == dps.id_scope();
    if !token.is_for(is_scope, &["registrations", id.as_str()]) {
        return Err(format!(
            "the SAS token is for the resource {:?}",
            token.resource
        ));
    }
    match token.policy.as_deref() {
        None | Some("registration") => Ok(token.expiry),
        Some(policy) => Err(format!(
            "the SAS token names the policy {policy:?}, not \"registration\""
        )),
    }
}
