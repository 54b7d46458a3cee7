//! Authentication of devices at the hub.

use jiff::Timestamp;

use super::{DeviceEndpoint, Hub, topic};
use crate::{
    mqtt::{Authenticated, Connect, ConnectReturn, Refusal},
    policies::Policies,
    sas::{self, SasToken},
};

/// The parts of a hub user name: `{hub}/{deviceId}/?api-version=…&model-id=…`.
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

/// Authenticates a CONNECT and connects the device.
///
/// # Errors
/// A refusal with the return code and the reason.
pub(crate) fn accept(
    hub: &Hub,
    policies: &Policies,
    connect: &Connect,
    now: Timestamp,
) -> Result<Authenticated<DeviceEndpoint>, Refusal> {
    let user = connect.username.as_deref().and_then(UserName::parse);
    let user = user.ok_or_else(|| {
        Refusal::unauthorized(
            "the user name does not have the form {hub}/{deviceId}/?api-version=…",
        )
    })?;
    check_names(hub, &user, &connect.client_id)?;
    let expiry = authenticate(hub, policies, user.device_id, connect, now)?;
    let model_id = topic::parameter(user.query, "model-id");
    let connection = hub.connect(user.device_id, connect.clean_session, model_id);
    let connection = connection.map_err(|error| Refusal::unauthorized(error.to_string()))?;
    Ok(Authenticated {
        endpoint: DeviceEndpoint::new(connection, connect.will.as_ref()),
        expiry,
    })
}

fn check_names(hub: &Hub, user: &UserName<'_>, client_id: &str) -> Result<(), Refusal> {
    if client_id.is_empty() {
        let code = ConnectReturn::IdentifierRejected;
        return Err(Refusal::new(code, "the client id is empty"));
    }
    if user.device_id != client_id {
        let why = format!(
            "the client id differs from the device {:?} in the user name",
            user.device_id
        );
        return Err(Refusal::unauthorized(why));
    }
    if !hub.is_named(user.hub) {
        let why = format!("unknown hub {:?} in the user name", user.hub);
        return Err(Refusal::unauthorized(why));
    }
    Ok(())
}

/// Verifies the token of a device: signed with its own key, or with that of a policy that may connect devices. Returns the
/// token's expiry.
fn authenticate(
    hub: &Hub,
    policies: &Policies,
    id: &str,
    connect: &Connect,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    let text = connect
        .password_text()
        .ok_or_else(|| Refusal::unauthorized("no password"))?;
    let verified = match sas::claimed_policy(text) {
        None => verify_device(hub, id, text, now),
        Some(policy) => verify_policy(hub, policies, &policy, id, text, now),
    };
    verified.map_err(Refusal::unauthorized)
}

/// Verifies a token that is signed with the key of a registered device, for that device. Returns its expiry.
///
/// # Errors
/// The reason.
pub(crate) fn verify_device(
    hub: &Hub,
    id: &str,
    token: &str,
    now: Timestamp,
) -> Result<Timestamp, String> {
    let device = hub.device(id).map_err(|error| error.to_string())?;
    let token = sas::verify(token, &device.keys.both(), now).map_err(|error| error.to_string())?;
    match token.is_for(|host| hub.is_named(host), &["devices", id]) {
        true => Ok(token.expiry),
        false => Err(foreign(&token)),
    }
}

fn verify_policy(
    hub: &Hub,
    policies: &Policies,
    policy: &str,
    id: &str,
    token: &str,
    now: Timestamp,
) -> Result<Timestamp, String> {
    if !Policies::connects_devices(policy) {
        return Err(format!(
            "the policy {policy:?} of the SAS token does not have the permission DeviceConnect"
        ));
    }
    hub.device(id).map_err(|error| error.to_string())?;
    let keys = policies.keys(policy).map(|keys| keys.both());
    let keys = keys.as_ref().map(|keys| &keys[..]).unwrap_or_default();
    let token = sas::verify(token, keys, now).map_err(|error| error.to_string())?;
    match token.covers(|host| hub.is_named(host), &["devices", id]) {
        true => Ok(token.expiry),
        false => Err(foreign(&token)),
    }
}

fn foreign(token: &SasToken) -> String {
    format!("the SAS token is for the resource {:?}", token.resource)
}
