//! Authentication of devices at the hub.

use jiff::Timestamp;

use super::{DeviceEndpoint, Hub, topic};
use crate::{
    mqtt::{Connect, ConnectReturn, Peer, Refusal},
    sas,
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
pub(crate) fn accept(hub: &Hub, connect: &Connect, now: Timestamp) -> Result<Peer, Refusal> {
    let user = connect.username.as_deref().and_then(UserName::parse);
    let user = user.ok_or_else(|| {
        Refusal::unauthorized(
            "the user name does not have the form {hub}/{deviceId}/?api-version=…",
        )
    })?;
    check_names(hub, &user, &connect.client_id)?;
    let expiry = authenticate(hub, user.device_id, connect, now)?;
    let model_id = topic::parameter(user.query, "model-id");
    let connection = hub.connect(user.device_id, connect.clean_session, model_id);
    let connection = connection.map_err(|error| Refusal::unauthorized(error.to_string()))?;
    Ok(Peer::hub(
        DeviceEndpoint::new(connection, connect.will.as_ref()),
        expiry,
    ))
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

/// Verifies the token of a registered device. Returns its expiry.
fn authenticate(
    hub: &Hub,
    id: &str,
    connect: &Connect,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    let refuse = |why: &dyn ToString| Refusal::unauthorized(why.to_string());
    let device = hub.device(id).map_err(|error| refuse(&error))?;
    let token = connect
        .password_text()
        .ok_or_else(|| refuse(&"no password"))?;
    let token = sas::verify(token, &device.keys.both(), now).map_err(|error| refuse(&error))?;
    if let Some(policy) = &token.policy {
        return Err(refuse(&format!(
            "the SAS token is signed with the policy {policy:?}, not with a device key"
        )));
    }
    let resource = token.resource.split_once('/');
    match resource {
        Some((host, path)) if hub.is_named(host) && path == format!("devices/{id}") => {
            Ok(token.expiry)
        }
        _ => Err(refuse(&format!(
            "the SAS token is for the resource {:?}",
            token.resource
        ))),
    }
}
