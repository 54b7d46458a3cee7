//! Authentication of devices at DPS.

use jiff::Timestamp;

use super::{Dps, Enrollment, RegistrationEndpoint};
use crate::{
    mqtt::{Connect, Peer, Refusal},
    sas,
};

/// Authenticates a CONNECT.
///
/// # Errors
/// A refusal with the return code and the reason.
pub(crate) fn accept(dps: &Dps, connect: &Connect, now: Timestamp) -> Result<Peer, Refusal> {
    let id = registration_id(connect, dps.id_scope())?;
    let no_password = || Refusal::unauthorized("no password");
    let token = connect.password_text().ok_or_else(no_password)?;
    let (enrollment, expiry) = authenticate(dps, id, token, now)?;
    Ok(Peer::dps(
        RegistrationEndpoint::new(dps.clone(), id.to_owned(), &enrollment),
        expiry,
    ))
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

/// Finds the enrollment whose key signed the token. Returns it with the expiry of the token.
fn authenticate(
    dps: &Dps,
    id: &str,
    token: &str,
    now: Timestamp,
) -> Result<(Enrollment, Timestamp), Refusal> {
    let mut refusal = Refusal::unauthorized("no enrollment matches the registration ID");
    for candidate in dps.candidates(id) {
        match verify(dps, id, &candidate, token, now) {
            Ok(expiry) => return Ok((candidate, expiry)),
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

fn verify(
    dps: &Dps,
    id: &str,
    candidate: &Enrollment,
    token: &str,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    let token = sas::verify(token, &candidate.keys_of(id).both(), now);
    let token = token.map_err(|error| Refusal::unauthorized(error.to_string()))?;
    if token.resource != format!("{}/registrations/{id}", dps.id_scope()) {
        let why = format!("the SAS token is for the resource {:?}", token.resource);
        return Err(Refusal::unauthorized(why));
    }
    match token.policy.as_deref() {
        None | Some("registration") => Ok(token.expiry),
        Some(policy) => Err(Refusal::unauthorized(format!(
            "the SAS token names the policy {policy:?}, not \"registration\""
        ))),
    }
}
