//! The component: the adapter between the contract in `wit/` and [`Thermostat`].

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

use bindings::{
    exports::pnp::device::behaviour::{
        Acknowledgment, Command, Description, Desired, Guest, Reason, Reply, Start,
    },
    pnp::device::{clock, hub, log, random, timers},
};

use crate::{ClockReading, DESCRIPTION, Effect, EventContext, TIMER, Thermostat, Timestamp};

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
        let (device, effects) = Thermostat::init(
            reason,
            &start.config,
            start.last_record.as_deref(),
            context(),
        )?;
        DEVICE.set(Some(device));
        stage(effects)
    }

    fn on_timer(name: String) -> Result<(), String> {
        stage(with_device(|device| Ok(device.on_timer(&name, context())))?)
    }

    fn on_desired(desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        let acknowledgments = with_device(|device| {
            device.on_desired(desired.component.as_deref(), &desired.properties)
        })?;
        let convert = |acknowledgment: crate::Acknowledgment| Acknowledgment {
            property: acknowledgment.property,
            value: acknowledgment.value,
            status: acknowledgment.status,
            description: acknowledgment.description,
        };
        Ok(acknowledgments.into_iter().map(convert).collect())
    }

    fn on_command(command: Command) -> Result<Reply, String> {
        let (component, payload) = (command.component.as_deref(), command.payload.as_deref());
        let reply = with_device(|device| {
            Ok(device.on_command(component, &command.name, payload, clocks()))
        })?;
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
    DEVICE.with_borrow_mut(|device| call(device.as_mut().ok_or("init was not called")?))
}

fn clocks() -> ClockReading {
    ClockReading {
        now: Timestamp::from_clock(clock::now()),
        monotonic: clock::monotonic() as i64,
    }
}

fn context() -> EventContext {
    let random = random::bytes(4)
        .into_iter()
        .fold(0, |number, byte| number << 8 | u32::from(byte));
    EventContext {
        clock: clocks(),
        random,
    }
}

/// Hands effects to the host. A rejected effect fails the call, so that its state is discarded too; but a full outbox must
/// not keep the device from measuring or starting.
fn stage(effects: Vec<Effect>) -> Result<(), String> {
    effects.into_iter().try_for_each(|effect| match effect {
        Effect::Report(properties) => ignore_full(hub::report(None, &properties)),
        Effect::SendTelemetry(text) => ignore_full(hub::send_telemetry(&telemetry(text))),
        Effect::SetTimer(period) => {
            timers::set(TIMER, timers::Schedule::Every(period)).map_err(|error| error.to_string())
        }
    })
}

fn ignore_full(result: Result<(), hub::Error>) -> Result<(), String> {
    match result {
        Err(hub::Error::Full) => {
            log::write(log::Level::Warn, "telemetry dropped: outbox full");
            Ok(())
        }
        result => result.map_err(|error| error.to_string()),
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
