//! The services behind the port for devices, and the one that a CONNECT is for.

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;
use crate::{
    dps::{self, Dps},
    faults::Fault,
    hub::{self, Hub},
    mqtt::{Close, Connect, ConnectReturn, Refusal},
    policies::Policies,
};

/// The services behind the port for devices.
#[derive(Clone)]
pub(crate) struct DeviceServices {
    pub(crate) hub: Hub,
    pub(crate) dps: Dps,
    pub(crate) policies: Policies,
}

impl DeviceServices {
    /// Authenticates a CONNECT at the service of its user name, and serves the connection: `{idScope}/registrations/…` is DPS.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite>(
        &self,
        connection: &mut Connection<'_, S>,
        connect: &Connect,
    ) -> Close {
        let Self { hub, dps, policies } = self;
        let now = Timestamp::now();
        let username = connect.username.as_deref().unwrap_or_default();
        let registers = username.split('/').nth(1) == Some("registrations");
        let is_let_in = check_connack_fault(hub, &connect.client_id, registers);
        if registers {
            let accepted = is_let_in.and_then(|()| dps::accept(dps, connect, now));
            connection.run(accepted, connect.keep_alive).await
        } else {
            let accepted = is_let_in.and_then(|()| hub::accept(hub, policies, connect, now));
            connection.run(accepted, connect.keep_alive).await
        }
    }
}

/// Refuses the client if a connack fault is active for its service.
fn check_connack_fault(hub: &Hub, client_id: &str, registers: bool) -> Result<(), Refusal> {
    let code = hub.faults().find(Some(client_id), |fault| match fault {
        Fault::Connack { code, dps } if *dps == registers => Some(*code),
        _ => None,
    });
    match code {
        None => Ok(()),
        Some(code) => {
            let code = code.and_then(|code| ConnectReturn::try_from(code).ok());
            let code = code.unwrap_or(ConnectReturn::NotAuthorized);
            Err(Refusal::new(code, "fault connack is active"))
        }
    }
}
