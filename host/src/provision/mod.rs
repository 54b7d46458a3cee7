//! Who the device is, and where it belongs.

mod answer;
pub mod connection_string;
pub mod dps;
pub mod error;
mod exchange;
pub mod sas;

use std::time::Duration;

pub use self::error::ProvisionError;
use self::{
    dps::{Assignment, Registration},
    exchange::{Exchange, Step},
};
use crate::{
    clock::Clock,
    hub::reconnect::Cause,
    mqtt::{Delivery, Incoming, Link, LinkError, Transport},
};

/// A registration that is still not decided after so long is begun anew.
const DECIDE_WITHIN: Duration = Duration::from_secs(600);

/// Asks the device provisioning service once where the device of this Plug and Play model belongs: connects, registers,
/// waits for the assignment and disconnects. When to try again is up to the caller.
pub async fn register<T: Transport>(
    transport: &mut T,
    clock: &dyn Clock,
    registration: &Registration,
    model_id: &str,
) -> Result<Assignment, ProvisionError> {
    let connect = registration.connect(clock.now());
    let mut link = match transport.connect(&connect).await {
        Ok(link) => link,
        Err(error) => return Err(registration.not_connected(error)),
    };
    match converse(
        &mut link,
        clock,
        Exchange::new(registration, model_id, rand::random()),
    )
    .await
    {
        Ok(end) => {
            link.disconnect().await;
            end
        }
        Err(lost) => {
            let why = format!("{lost} while registering");
            Err(registration.try_again(None, Cause::from(&lost), &why))
        }
    }
}

async fn converse<L: Link>(
    link: &mut L,
    clock: &dyn Clock,
    mut exchange: Exchange<'_>,
) -> Result<Result<Assignment, ProvisionError>, LinkError> {
    link.subscribe(&[answer::TOPIC.to_owned()])?;
    let mut questions = 0;
    let after = |pause: Duration| clock.monotonic() + pause;
    let mut deadline = after(Exchange::ANSWER_WITHIN);
    let give_up = after(DECIDE_WITHIN);
    loop {
        let step = tokio::select! {
            incoming = link.next() => take(link, &mut exchange, incoming?)?,
            // Not while the service has asked for a longer pause.
            () = clock.sleep_until(deadline) => match clock.monotonic() < give_up {
                true => exchange.timer(),
                false => exchange.undecided(DECIDE_WITHIN),
            },
        };
        match step {
            Step::Ask { topic, payload } => {
                questions += 1;
                link.publish(topic, payload, Delivery::AtLeastOnce(questions))?;
                deadline = after(Exchange::ANSWER_WITHIN);
            }
            Step::Wait(pause) => deadline = after(pause),
            Step::Nothing => {}
            Step::End(end) => return Ok(end),
        }
    }
}

fn take<L: Link>(
    link: &mut L,
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Step, LinkError> {
    match incoming {
        Incoming::Subscribed { refused } if refused.is_empty() => Ok(exchange.subscribed()),
        Incoming::Subscribed { .. } => {
            let why = format!("the server refused the topic {}", answer::TOPIC);
            Err(LinkError::Failed(why))
        }
        Incoming::Message {
            topic,
            payload,
            receipt,
        } => {
            if let Some(receipt) = receipt {
                link.acknowledge(receipt)?;
            }
            Ok(exchange.message(&topic, &payload))
        }
        Incoming::Acknowledged(_) => Ok(Step::Nothing),
    }
}

#[cfg(test)]
mod tests;
