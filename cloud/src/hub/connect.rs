//! Who may connect as which device.

use jiff::Timestamp;

use super::{Endpoint, Hub, topic};
use crate::mqtt::{Connect, ConnectReturn, Peer};
use crate::sas;

/// What a hub user name says: `{hub}/{deviceId}/?api-version=…&model-id=…`.
struct UserName<'a> {
    hub: &'a str,
    device_id: &'a str,
    query: &'a str,
}

impl<'a> UserName<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (hub, rest) = text.split_once('/')?;
        let (device_id, query) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self {
            hub,
            device_id,
            query,
        })
    }
}

/// Lets a device in, or says with which code it is refused.
pub(crate) fn accept(hub: &Hub, connect: &Connect, now: Timestamp) -> Result<Peer, ConnectReturn> {
    let refused = ConnectReturn::NotAuthorized;
    let user = UserName::parse(connect.username.as_deref().ok_or(refused)?).ok_or(refused)?;
    if connect.client_id.is_empty() {
        return Err(ConnectReturn::IdentifierRejected);
    }
    if !hub.is_named(user.hub) || user.device_id != connect.client_id {
        return Err(refused);
    }
    let token = connect.password_text().ok_or(refused)?;
    let expiry = authenticate(hub, user.device_id, token, now).ok_or(refused)?;
    let model_id = topic::parameter(user.query, "model-id");
    let link = hub.attach(user.device_id, connect.clean_session, model_id);
    let link = link.map_err(|_| refused)?;
    Ok(Peer::hub(
        Endpoint::new(link, connect.will.as_ref()),
        expiry,
    ))
}

/// Checks the token of a device that is known. Returns until when it counts.
fn authenticate(hub: &Hub, id: &str, token: &str, now: Timestamp) -> Option<Timestamp> {
    let device = hub.device(id).ok()?;
    let token = sas::verify(token, &device.keys.each(), now).ok()?;
    let (host, path) = token.resource.split_once('/')?;
    let is_own = hub.is_named(host) && path == format!("devices/{id}");
    (is_own && token.policy.is_none()).then_some(token.expiry)
}
