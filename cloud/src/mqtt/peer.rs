//! Which of the two services a connection is for, and as whom.

use jiff::Timestamp;

use super::{Close, Connect, ConnectReturn, Packet, Refusal};
use crate::dps::{self, Dps};
use crate::faults::Fault;
use crate::hub::{self, Hub, Push};

/// A peer that was let in.
pub(crate) struct Peer {
    service: Service,
    /// When its token expires.
    pub(super) expiry: Timestamp,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per connection, and nearly all are the hub's"
)]
enum Service {
    Hub(hub::Endpoint),
    Dps(dps::Endpoint),
}

impl Peer {
    pub(crate) fn hub(endpoint: hub::Endpoint, expiry: Timestamp) -> Self {
        Self {
            service: Service::Hub(endpoint),
            expiry,
        }
    }

    pub(crate) fn dps(endpoint: dps::Endpoint, expiry: Timestamp) -> Self {
        Self {
            service: Service::Dps(endpoint),
            expiry,
        }
    }

    /// The user name says which service is meant: `{idScope}/registrations/…` is the provisioning service.
    pub(super) fn accept(hub: &Hub, dps: &Dps, connect: &Connect) -> Result<Self, Refusal> {
        let username = connect.username.as_deref().unwrap_or_default();
        let registers = username.split('/').nth(1) == Some("registrations");
        refused(hub, &connect.client_id, registers)?;
        if registers {
            dps::accept(dps, connect, Timestamp::now())
        } else {
            hub::accept(hub, connect, Timestamp::now())
        }
    }

    pub(super) fn session_present(&self) -> bool {
        match &self.service {
            Service::Hub(endpoint) => endpoint.session_present(),
            Service::Dps(_) => false,
        }
    }

    /// What follows the CONNACK at once.
    pub(super) fn opened(&mut self) -> Result<Vec<Packet>, Close> {
        match &mut self.service {
            Service::Hub(endpoint) => endpoint.opened(),
            Service::Dps(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn on_packet(&mut self, packet: Packet) -> Result<Vec<Packet>, Close> {
        match &mut self.service {
            Service::Hub(endpoint) => endpoint.on_packet(packet),
            Service::Dps(endpoint) => endpoint.on_packet(packet),
        }
    }

    /// Waits for something to send that the peer did not ask for.
    pub(super) async fn pushed(&mut self) -> Push {
        match &mut self.service {
            Service::Hub(endpoint) => endpoint.pushed().await,
            Service::Dps(_) => std::future::pending().await,
        }
    }

    pub(super) fn on_push(&mut self, push: Push) -> Result<Vec<Packet>, Close> {
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

/// Whether a fault refuses a client that registers, or one that does not.
fn refused(hub: &Hub, client_id: &str, registers: bool) -> Result<(), Refusal> {
    let code = hub.faults().find(Some(client_id), |fault| match fault {
        Fault::Connack { code, dps } if *dps == registers => Some(*code),
        _ => None,
    });
    match code {
        None => Ok(()),
        Some(code) => {
            let code = code.and_then(|code| ConnectReturn::try_from(code).ok());
            let code = code.unwrap_or(ConnectReturn::NotAuthorized);
            Err(Refusal::new(code, "a fault that was asked for"))
        }
    }
}
