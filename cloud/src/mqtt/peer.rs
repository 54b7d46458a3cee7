//! The peer of a connection: a device at the hub or at DPS.

use jiff::Timestamp;

use super::{Close, Connect, ConnectReturn, Packet, Refusal, Replies};
use crate::{
    dir::Policies,
    dps::{self, Dps},
    faults::Fault,
    hub::{self, Hub, Push},
};

/// The services behind the port for devices.
#[derive(Clone)]
pub(crate) struct DeviceServices {
    pub(crate) hub: Hub,
    pub(crate) dps: Dps,
    pub(crate) policies: Policies,
}

/// An authenticated peer.
pub(crate) struct Peer {
    service: Service,
    /// Expiry of the SAS token.
    pub(super) expiry: Timestamp,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per connection, and nearly all are the hub's"
)]
enum Service {
    Hub(hub::DeviceEndpoint),
    Dps(dps::RegistrationEndpoint),
}

impl Peer {
    pub(crate) fn hub(endpoint: hub::DeviceEndpoint, expiry: Timestamp) -> Self {
        Self {
            service: Service::Hub(endpoint),
            expiry,
        }
    }

    pub(crate) fn dps(endpoint: dps::RegistrationEndpoint, expiry: Timestamp) -> Self {
        Self {
            service: Service::Dps(endpoint),
            expiry,
        }
    }

    /// Authenticates a CONNECT at the service of its user name: `{idScope}/registrations/…` is DPS.
    ///
    /// # Errors
    /// A refusal with the return code and the reason.
    pub(super) fn accept(services: &DeviceServices, connect: &Connect) -> Result<Self, Refusal> {
        let DeviceServices { hub, dps, policies } = services;
        let username = connect.username.as_deref().unwrap_or_default();
        let registers = username.split('/').nth(1) == Some("registrations");
        check_connack_fault(hub, &connect.client_id, registers)?;
        if registers {
            dps::accept(dps, connect, Timestamp::now())
        } else {
            hub::accept(hub, policies, connect, Timestamp::now())
        }
    }

    pub(super) fn session_present(&self) -> bool {
        match &self.service {
            Service::Hub(endpoint) => endpoint.session_present(),
            Service::Dps(_) => false,
        }
    }

    /// Returns the packets that follow the CONNACK.
    pub(super) fn opened(&mut self) -> Replies {
        match &mut self.service {
            Service::Hub(endpoint) => endpoint.opened(),
            Service::Dps(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn on_packet(&mut self, packet: Packet) -> Replies {
        match &mut self.service {
            Service::Hub(endpoint) => endpoint.on_packet(packet),
            Service::Dps(endpoint) => endpoint.on_packet(packet),
        }
    }

    /// Waits for a task from the hub.
    pub(super) async fn pushed(&mut self) -> Push {
        match &mut self.service {
            Service::Hub(endpoint) => endpoint.pushed().await,
            Service::Dps(_) => std::future::pending().await,
        }
    }

    pub(super) fn on_push(&mut self, push: Push) -> Replies {
        match &mut self.service {
            Service::Hub(endpoint) => endpoint.on_push(push),
            Service::Dps(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn end(self, reason: Close) {
        if let Service::Hub(endpoint) = self.service {
            endpoint.end(reason);
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
