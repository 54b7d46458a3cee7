//! Who may register.

use jiff::Timestamp;

use super::{Dps, Endpoint, Enrollment};
use crate::mqtt::{Connect, ConnectReturn, Peer};
use crate::sas;

/// Lets a device in, or says with which code it is refused.
pub(crate) fn accept(dps: &Dps, connect: &Connect, now: Timestamp) -> Result<Peer, ConnectReturn> {
    let refused = ConnectReturn::NotAuthorized;
    let user = connect.username.as_deref().ok_or(refused)?;
    let registration_id = registration_id(user, dps.id_scope()).ok_or(refused)?;
    if registration_id != connect.client_id {
        return Err(refused);
    }
    let token = connect.password_text().ok_or(refused)?;
    let (by, expiry) = authenticate(dps, registration_id, token, now).ok_or(refused)?;
    let endpoint = Endpoint::new(dps.clone(), registration_id.to_owned(), &by);
    Ok(Peer::dps(endpoint, expiry))
}

/// From `{idScope}/registrations/{registrationId}/api-version=…`.
fn registration_id<'a>(user: &'a str, id_scope: &str) -> Option<&'a str> {
    let mut parts = user.split('/');
    let is_own = parts.next()? == id_scope && parts.next()? == "registrations";
    let id = parts.next()?;
    let has_version = parts.next()?.contains("api-version=");
    (is_own && has_version).then_some(id)
}

/// Finds the enrolment whose key signed the token, and until when it counts.
fn authenticate(
    dps: &Dps,
    id: &str,
    token: &str,
    now: Timestamp,
) -> Option<(Enrollment, Timestamp)> {
    let resource = format!("{}/registrations/{id}", dps.id_scope());
    dps.candidates(id).into_iter().find_map(|candidate| {
        let token = sas::verify(token, &candidate.keys_of(id).each(), now).ok()?;
        let policy = token.policy.as_deref().unwrap_or("registration");
        let fits = token.resource == resource && policy == "registration";
        fits.then_some((candidate, token.expiry))
    })
}
