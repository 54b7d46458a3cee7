//! The deadlines of a device: what is due in a turn of its loop, and when the next turn is.

use std::{future::Future, time::Duration};

use super::{Device, failures::CallCause};
use crate::{contract::behaviour::Behaviour, mqtt::Transport};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Returns a future that ends at the next deadline. It pends during a call, which is short, so that a virtual clock does
    /// not pass it by.
    pub(super) fn wake(&self) -> impl Future<Output = ()> + Send + use<B, T> {
        let timers = &self.store.state().timers;
        let timer = timers
            .next_due_of(|name| !self.failures.is_timer_suspended(name))
            .filter(|_| self.supervisor.suspended().is_none())
            .map(|due| due.max(self.rate_limits.ready_at()));
        let candidates = [
            self.connection.deadline(),
            self.drain_deadline,
            self.supervisor.resume_at(),
            self.failures.next_end(),
            self.inbox.next_message_at(self.holds_messages()),
            self.swap.deadline(self.clock.monotonic()),
            timer,
        ];
        let deadline = candidates
            .into_iter()
            .flatten()
            .min()
            .filter(|_| !self.supervisor.is_busy());
        let sleep = deadline.map(|deadline| self.clock.sleep_until(deadline));
        async move {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Does what is due.
    pub(super) fn on_deadline(&mut self) {
        let now = self.clock.monotonic();
        if self.started {
            // Not before the component has started: a device without one does not connect.
            self.connection.on_deadline();
        }
        if self.connection.renew(self.is_quiet()) {
            self.disconnected();
        }
        self.supervisor
            .resume_if_due(now, self.store.state().record.clone());
        self.end_suspensions(now);
        if let Some(session) = self.connection.session()
            && let Err(error) = session.on_deadline(self.store.outbox(), now)
        {
            self.lost(&error);
        }
    }

    /// Ends the suspensions that are over. Desired values that were not applied meanwhile are in the twin.
    fn end_suspensions(&mut self, now: Duration) {
        let ended = self.failures.end_suspensions(now);
        for cause in &ended {
            tracing::info!(device = &*self.name, %cause, "suspension ended: the next call decides");
        }
        if ended
            .iter()
            .any(|cause| matches!(cause, CallCause::Property(..)))
        {
            self.request_twin();
        }
    }
}
