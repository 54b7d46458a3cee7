//! Messages over a link that sends slowly.

use std::collections::VecDeque;

use super::*;
use crate::store::{
    Retention,
    outbox::{Outbox, Outgoing},
};

/// A link that keeps what it is given, until the test lets it go.
#[derive(Default)]
struct SlowLink {
    unsent: usize,
    messages: VecDeque<u64>,
}

impl Link for SlowLink {
    async fn next(&mut self) -> Result<Incoming, LinkError> {
        std::future::pending().await
    }

    fn subscribe(&mut self, _: &[String]) -> Result<(), LinkError> {
        Ok(())
    }

    fn publish(&mut self, _: String, payload: Bytes, delivery: Delivery) -> Result<(), LinkError> {
        self.unsent += payload.len();
        if let Delivery::AtLeastOnce(number) = delivery {
            self.messages.push_back(number);
        }
        Ok(())
    }

    fn unsent(&self) -> usize {
        self.unsent
    }

    fn acknowledge(&mut self, _: Receipt) -> Result<(), LinkError> {
        Ok(())
    }

    async fn disconnect(self) {}
}

fn message(size: usize) -> Outgoing {
    Outgoing::Telemetry(TelemetryMessage {
        id: TelemetryMessage::new_id(),
        created: jiff::Timestamp::UNIX_EPOCH,
        component: None,
        content_type: String::new(),
        content_encoding: String::new(),
        properties: vec![],
        body: vec![b'x'; size].into(),
    })
}

#[test]
fn large_messages_wait_until_those_before_them_have_left() {
    let now = Duration::from_secs(100);
    let mut outbox = Outbox::new(Retention::default());
    outbox.connection_started();
    for _ in 0..4 {
        outbox.push(0, message(200 << 10), now);
    }
    let minute = Duration::from_secs(60);
    let mut session = Session::begin(SlowLink::default(), "d", false, minute, now).unwrap();
    let granted = Incoming::Subscribed { refused: vec![] };
    session.handle(granted, &mut outbox, now).unwrap();
    let mut sent = |session: &mut Session<SlowLink>| {
        session.send_pending(&mut outbox, 0, now).unwrap();
        session.link.messages.len()
    };
    assert_eq!(sent(&mut session), 1);
    assert_eq!(sent(&mut session), 1);
    // As a slow link goes on sending.
    session.link.unsent = MAX_UNSENT - 1;
    assert_eq!(sent(&mut session), 2);
    // A reply that has not left holds up no message if none is in flight: nothing would say when it has.
    while let Some(number) = session.link.messages.pop_front() {
        session.in_flight.remove(&number);
    }
    assert_eq!(sent(&mut session), 1);
}
