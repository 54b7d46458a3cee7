//! The thermostat as a component: between the contract in `wit/` and [`Thermostat`].

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract"
)]
mod bindings {
    wit_bindgen::generate!({ world: "device", path: "../wit" });
    use super::Component;
    export!(Component);
}

use std::cell::RefCell;

use bindings::exports::pnp::device::behaviour::{
    Acknowledgment, Command, Description, Desired, Guest, Reason, Reply, Start,
};
use bindings::pnp::device::{clock, hub, log, random, timers};

use crate::{DESCRIPTION, Effect, Moment, TIMER, Thermostat, Timestamp};

struct Component;

thread_local! {
    static DEVICE: RefCell<Option<Thermostat>> = const { RefCell::new(None) };
}

impl Guest for Component {
    fn describe() -> Result<Description, String> {
        Ok(Description {
            name: DESCRIPTION.name.to_owned(),
            version: DESCRIPTION.version.to_owned(),
            model_id: DESCRIPTION.model_id.to_owned(),
        })
    }

    fn init(start: Start) -> Result<(), String> {
        let reason = match start.reason {
            Reason::Fresh => crate::Reason::Fresh,
            Reason::Restart => crate::Reason::Restart,
            Reason::Swap => crate::Reason::Swap,
            Reason::Recovered => crate::Reason::Recovered,
        };
        let (device, effects) = Thermostat::begin(
            reason,
            &start.config,
            start.last_record.as_deref(),
            moment(),
        )?;
        DEVICE.set(Some(device));
        stage(effects)
    }

    fn on_timer(name: String) -> Result<(), String> {
        stage(with_device(|device| Ok(device.on_timer(&name, moment())))?)
    }

    fn on_desired(desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        let answers = with_device(|device| {
            device.on_desired(desired.component.as_deref(), &desired.properties)
        })?;
        let acknowledgment = |answer: crate::Acknowledgment| Acknowledgment {
            property: answer.property,
            value: answer.value,
            status: answer.status,
            description: answer.description,
        };
        Ok(answers.into_iter().map(acknowledgment).collect())
    }

    fn on_command(command: Command) -> Result<Reply, String> {
        let (component, payload) = (command.component.as_deref(), command.payload.as_deref());
        let reply =
            with_device(|device| Ok(device.on_command(component, &command.name, payload, now())))?;
        Ok(Reply {
            status: reply.status,
            payload: Some(reply.payload),
        })
    }

    fn save() -> Result<String, String> {
        with_device(|device| device.save())
    }
}

fn with_device<T>(call: impl FnOnce(&mut Thermostat) -> Result<T, String>) -> Result<T, String> {
    DEVICE.with_borrow_mut(|device| {
        call(
            device
                .as_mut()
                .ok_or("the device was not begun: call init first")?,
        )
    })
}

fn now() -> Timestamp {
    Timestamp::from_clock(clock::now())
}

fn moment() -> Moment {
    let chance = random::bytes(4)
        .into_iter()
        .fold(0, |chance, byte| chance << 8 | u32::from(byte));
    Moment { now: now(), chance }
}

/// Hands effects to the host. One that is not taken fails the call, so that the device takes back what goes with it; but a
/// full outbox must keep no device from measuring, nor from starting.
fn stage(effects: Vec<Effect>) -> Result<(), String> {
    effects.into_iter().try_for_each(|effect| match effect {
        Effect::Report(properties) => unless_full(hub::report(None, &properties)),
        Effect::SendTelemetry(text) => unless_full(hub::send_telemetry(&telemetry(text))),
        Effect::SetTimer(period) => {
            timers::set(TIMER, timers::Schedule::Every(period)).map_err(|error| error.to_string())
        }
    })
}

fn unless_full(taken: Result<(), hub::Error>) -> Result<(), String> {
    match taken {
        Err(hub::Error::Full) => {
            log::write(
                log::Level::Warn,
                "the outbox is full: a measurement was not sent",
            );
            Ok(())
        }
        taken => taken.map_err(|error| error.to_string()),
    }
}

fn telemetry(text: String) -> hub::Telemetry {
    hub::Telemetry {
        component: None,
        body: hub::Body::Text(text),
        content_type: "application/json".to_owned(),
        content_encoding: "utf-8".to_owned(),
        properties: Vec::new(),
    }
}
