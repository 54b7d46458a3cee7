//! How things stand with a connection.

use super::{Connection, Phase};
use crate::{
    mqtt::Transport,
    status::{Connection as Status, ConnectionState},
};

impl<T: Transport + Sync> Connection<T> {
    /// What it is doing.
    pub(super) fn state(&self) -> ConnectionState {
        match &self.phase {
            Phase::Waiting { .. } => ConnectionState::Waiting,
            Phase::Provisioning(_) => ConnectionState::Provisioning,
            Phase::Connecting(_) | Phase::Changing if self.standing.is_some() => {
                ConnectionState::Renewing
            }
            Phase::Connecting(_) | Phase::Changing => ConnectionState::Connecting,
            Phase::Online { .. } => ConnectionState::Connected,
        }
    }

    pub(in crate::device) fn status(&self) -> Status {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        let next_try = match &self.phase {
            Phase::Waiting { until, .. } => Some(until.saturating_sub(now).as_secs_f64()),
            _ => None,
        };
        let token_left = match &self.phase {
            Phase::Online { token, .. } => Some(token.left(today).as_secs_f64()),
            _ => None,
        };
        Status {
            state: self.state(),
            since: self.changed,
            hub: self
                .assignment
                .as_ref()
                .map(|assignment| assignment.hub.clone()),
            next_try,
            token_left,
            last_trouble: self.outages.last.clone(),
            connects: self.outages.connects,
            renewals: self.renewals,
            lost: self.outages.lost.clone(),
            failed: self.outages.failed.clone(),
        }
    }
}
