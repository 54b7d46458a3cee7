//! How things stand with a connection.

use super::{Connection, Phase};
use crate::{
    mqtt::Transport,
    status::{Connection as Status, ConnectionState},
};

impl<T: Transport + Sync> Connection<T> {
    pub(in crate::device) fn status(&self) -> Status {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        let (state, next_try, token_left) = match &self.phase {
            Phase::Waiting { until, .. } => {
                let left = until.saturating_sub(now).as_secs_f64();
                (ConnectionState::Waiting, Some(left), None)
            }
            Phase::Provisioning(_) => (ConnectionState::Provisioning, None, None),
            Phase::Connecting(_) | Phase::Changing => (ConnectionState::Connecting, None, None),
            Phase::Online { token, .. } => {
                let left = token.left(today).as_secs_f64();
                (ConnectionState::Connected, None, Some(left))
            }
        };
        Status {
            state,
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
