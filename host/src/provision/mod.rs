//! Provisioning: credentials of the device, and its assignment to a hub by DPS.

pub mod connection_string;
pub mod device_id;
pub mod dps;
pub mod error;
mod exchange;
mod response;
pub mod sas;

use std::time::Duration;

pub use self::error::ProvisionError;
use self::{
    dps::{Assignment, Registration},
    exchange::{Exchange, ExchangeStep},
};
use crate::{
    cause::Cause,
    clock::Clock,
    mqtt::{Delivery, Incoming, Link, LinkError, Transport},
};

/// The time after which a registration without an assignment is restarted.
const ASSIGNMENT_TIMEOUT: Duration = Duration::from_secs(600);

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
        Err(error) => return Err(registration.connect_failed(error)),
    };
    match run_exchange(
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
            Err(registration.retry(None, Cause::from(&lost), &why))
        }
    }
}

async fn run_exchange<L: Link>(
    link: &mut L,
    clock: &dyn Clock,
    mut exchange: Exchange<'_>,
) -> Result<Result<Assignment, ProvisionError>, LinkError> {
    link.subscribe(&[response::TOPIC.to_owned()])?;
    let mut questions = 0;
    let after = |pause: Duration| clock.monotonic() + pause;
    let mut deadline = after(Exchange::RESPONSE_TIMEOUT);
    let give_up = after(ASSIGNMENT_TIMEOUT);
    loop {
        let step = tokio::select! {
            incoming = link.next() => handle(link, &mut exchange, incoming?)?,
            // Not while the service has asked for a longer pause.
            () = clock.sleep_until(deadline) => match clock.monotonic() < give_up {
                true => exchange.on_timer(),
                false => exchange.assignment_timed_out(ASSIGNMENT_TIMEOUT),
            },
        };
        match step {
            ExchangeStep::Send { topic, payload } => {
                questions += 1;
                link.publish(topic, payload, Delivery::AtLeastOnce(questions))?;
                deadline = after(Exchange::RESPONSE_TIMEOUT);
            }
            ExchangeStep::Wait(pause) => deadline = after(pause),
            ExchangeStep::Continue => {}
            ExchangeStep::Done(end) => return Ok(end),
        }
    }
}

fn handle<L: Link>(
    link: &mut L,
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<ExchangeStep, LinkError> {
    match incoming {
        Incoming::Subscribed { refused } if refused.is_empty() => Ok(exchange.subscribed()),
        Incoming::Subscribed { .. } => {
            let why = format!("the server refused the topic {}", response::TOPIC);
            Err(LinkError::Protocol(why))
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
        Incoming::Acknowledged(_) => Ok(ExchangeStep::Continue),
    }
}

#[cfg(test)]
mod tests;
