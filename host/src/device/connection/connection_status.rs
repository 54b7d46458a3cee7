//! The status of a connection.

use super::{ConnectionPhase, HubConnection};
use crate::{
    mqtt::Transport,
    status::{ConnectionState, ConnectionStatus},
};

impl<T: Transport + Sync> HubConnection<T> {
    /// Returns the connection's state.
    pub(super) fn state(&self) -> ConnectionState {
        match &self.phase {
            ConnectionPhase::Waiting { .. } => ConnectionState::Backoff,
            ConnectionPhase::Provisioning(_) => ConnectionState::Provisioning,
            ConnectionPhase::Connecting(_) | ConnectionPhase::Changing
                if self.connected_since.is_some() =>
            {
                ConnectionState::Reconnecting
            }
            ConnectionPhase::Connecting(_) | ConnectionPhase::Changing => {
                ConnectionState::Connecting
            }
            ConnectionPhase::Connected { .. } => ConnectionState::Connected,
        }
    }

    /// Returns the connection's status.
    pub(in crate::device) fn status(&self) -> ConnectionStatus {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        let next_attempt_seconds = match &self.phase {
            ConnectionPhase::Waiting { until, .. } => Some(until.saturating_sub(now).as_secs_f64()),
            _ => None,
        };
        let token_expires_seconds = match &self.phase {
            ConnectionPhase::Connected { token, .. } => Some(token.remaining(today).as_secs_f64()),
            _ => None,
        };
        ConnectionStatus {
            state: self.state(),
            since: self.changed,
            hub: self
                .assignment
                .as_ref()
                .map(|assignment| assignment.hub.clone()),
            next_attempt_seconds,
            token_expires_seconds,
            last_error: self.outages.last.clone(),
            connects: self.outages.connects,
            token_renewals: self.renewals,
            disconnects: self.outages.disconnects.clone(),
            connect_failures: self.outages.connect_failures.clone(),
        }
    }
}
