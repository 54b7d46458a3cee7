//! A running component.

use std::{
    future::{Future, poll_fn},
    ops::RangeInclusive,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use serde_json::Value;
use wasmtime::Store;

use super::{
    bindings::{Device, exports::pnp::device::behaviour as wit},
    call_meter::CallMeter,
    instance_state::{InstanceState, Staging},
    limits::{MAX_ACKNOWLEDGMENTS, MAX_REASON},
    log_budget::LogName,
    sandbox::{OnMessage, PreparedComponent, WitMessage},
};
use crate::{
    contract::behaviour::{
        self, Answer, CallFailure, Description, Event, InstanceContext, Outcome, Start,
    },
    hub::{
        reply::Reply,
        twin::{Acknowledgment, check_acknowledgment},
    },
};

/// Calls an export of `behaviour` and flattens its result.
macro_rules! call_export {
    ($self:ident, $export:ident($($argument:expr),*)) => {{
        let _ticking = $self.component.tick_guard();
        let meter = $self.store.data().meter();
        let call = $self.exports.pnp_device_behaviour().$export(&mut $self.store, $($argument),*);
        match run_nonblocking(&meter, call).await {
            Ok(result) => result.map_err(component_error),
            Err(error) => Err($self.store.data().fail(&error)),
        }
    }};
}

/// Statuses of responses and acknowledgments, as in HTTP.
const STATUSES: RangeInclusive<u32> = 100..=599;

/// One instance of a component, for one device.
pub struct ComponentInstance {
    component: Arc<PreparedComponent>,
    store: Store<InstanceState>,
    exports: Device,
    on_message: Option<OnMessage>,
}

impl behaviour::Instance for ComponentInstance {
    async fn handle(self, event: Event) -> Result<(Self, Outcome), CallFailure> {
        let component = self.component.clone();
        let stderr = self.store.data().stderr().clone();
        component
            .run(Some(stderr), async move {
                let mut instance = self;
                let outcome = instance.call(event).await?;
                Ok((instance, outcome))
            })
            .await
    }

    fn memory(&self) -> usize {
        self.store.data().memory.used()
    }
}

impl ComponentInstance {
    /// Instantiates `component`; nothing of it has run but what its toolchain runs at that point.
    pub(super) async fn new(
        component: Arc<PreparedComponent>,
        context: InstanceContext,
        name: LogName,
    ) -> Result<Self, CallFailure> {
        let limits = component.limits().clone();
        let mut store = Store::new(
            component.engine(),
            InstanceState::new(limits.clone(), context, name),
        );
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.hostcall);
        store.epoch_deadline_callback(|mut context| context.data_mut().on_tick());
        store.set_epoch_deadline(1);
        let instantiated = {
            let _ticking = component.tick_guard();
            let meter = store.data().meter();
            run_nonblocking(&meter, component.instantiate(&mut store)).await
        };
        let (exports, on_message) = instantiated.map_err(|error| store.data().fail(&error))?;
        Ok(Self {
            component,
            store,
            exports,
            on_message,
        })
    }

    pub(super) async fn describe(&mut self) -> Result<Description, CallFailure> {
        self.begin(Staging::Forbidden);
        let description = call_export!(self, call_describe())?;
        Ok(Description {
            name: description.name,
            version: description.version,
            model_id: description.model_id,
        })
    }

    pub(super) async fn init(&mut self, start: Start) -> Result<Outcome, CallFailure> {
        let start = wit::Start {
            reason: match start.reason {
                behaviour::Reason::Fresh => wit::Reason::Fresh,
                behaviour::Reason::Restart => wit::Reason::Restart,
                behaviour::Reason::Swap => wit::Reason::Swap,
                behaviour::Reason::Recovered => wit::Reason::Recovered,
            },
            config: start.config.to_vec(),
            last_record: start.record,
        };
        self.begin(Staging::Open(Vec::new()));
        call_export!(self, call_init(&start))?;
        self.finish(Answer::None).await
    }

    async fn call(&mut self, event: Event) -> Result<Outcome, CallFailure> {
        self.begin(Staging::Open(Vec::new()));
        let answer = match event {
            Event::Timer(name) => {
                call_export!(self, call_on_timer(&name))?;
                Answer::None
            }
            Event::Desired {
                component,
                properties,
            } => {
                let desired = wit::Desired {
                    component: component.clone(),
                    properties: Value::Object(properties).to_string(),
                };
                let given = call_export!(self, call_on_desired(&desired))?;
                Answer::Acknowledgments(acknowledgments(component.as_deref(), given)?)
            }
            Event::Command {
                component,
                name,
                payload,
            } => {
                let command = wit::Command {
                    component,
                    name,
                    payload,
                };
                let reply = call_export!(self, call_on_command(&command))?;
                Answer::Reply(self.reply(reply)?)
            }
            Event::Message { body, properties } => {
                self.message(WitMessage { body, properties }).await?;
                Answer::None
            }
        };
        self.finish(answer).await
    }

    async fn message(&mut self, message: WitMessage) -> Result<(), CallFailure> {
        let Some(on_message) = self.on_message else {
            return Err(CallFailure::Error(
                "the component takes no messages".to_owned(),
            ));
        };
        let _ticking = self.component.tick_guard();
        let meter = self.store.data().meter();
        let call = on_message.call_async(&mut self.store, (message,));
        match run_nonblocking(&meter, call).await {
            Ok((result,)) => result.map_err(component_error),
            Err(error) => Err(self.store.data().fail(&error)),
        }
    }

    /// A new CPU budget, and nothing staged.
    fn begin(&mut self, staging: Staging) {
        self.store.data_mut().begin(staging);
        self.store.set_epoch_deadline(1);
    }

    /// Takes the record, and with it all the call has staged.
    async fn finish(&mut self, answer: Answer) -> Result<Outcome, CallFailure> {
        let effects = self.store.data_mut().take_staged();
        self.begin(Staging::Forbidden);
        let record = call_export!(self, call_save())?;
        let limit = self.component.limits().record;
        if record.len() > limit {
            return Err(CallFailure::Trap(format!(
                "the record is {} bytes, more than {limit}",
                record.len()
            )));
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&record) {
            return Err(CallFailure::Trap(format!(
                "the record is not JSON: {error}"
            )));
        }
        Ok(Outcome {
            answer,
            effects,
            record,
        })
    }

    fn reply(&self, reply: wit::Reply) -> Result<Reply, CallFailure> {
        if !STATUSES.contains(&reply.status) {
            return Err(CallFailure::Error(format!(
                "the status of the response is {}, not from 100 to 599",
                reply.status
            )));
        }
        let payload = reply.payload.unwrap_or_default();
        let limit = self.component.limits().reply;
        if payload.len() > limit {
            return Err(CallFailure::Error(format!(
                "the response is {} bytes, more than {limit}",
                payload.len()
            )));
        }
        if !payload.is_empty() && serde_json::from_str::<serde::de::IgnoredAny>(&payload).is_err() {
            return Err(CallFailure::Error("the response is not JSON".to_owned()));
        }
        Ok(Reply {
            status: reply.status,
            payload,
        })
    }
}

/// Creates the failure of an error that a component has returned, or that contains text of it.
fn component_error(mut reason: String) -> CallFailure {
    if reason.len() > MAX_REASON {
        reason.truncate(reason.floor_char_boundary(MAX_REASON));
        reason.push('…');
    }
    CallFailure::Error(reason)
}

fn acknowledgments(
    component: Option<&str>,
    given: Vec<wit::Acknowledgment>,
) -> Result<Vec<Acknowledgment>, CallFailure> {
    let sizes = given
        .iter()
        .map(|ack| ack.property.len() + ack.value.len() + ack.description.len());
    let size: usize = sizes.sum();
    if size > MAX_ACKNOWLEDGMENTS {
        let reason =
            format!("the acknowledgments are {size} bytes, more than {MAX_ACKNOWLEDGMENTS}");
        return Err(CallFailure::Error(reason));
    }
    given
        .into_iter()
        .map(|given| acknowledgment(component, given))
        .collect()
}

fn acknowledgment(
    component: Option<&str>,
    given: wit::Acknowledgment,
) -> Result<Acknowledgment, CallFailure> {
    let shown: String = given.property.chars().take(64).collect();
    let wrong =
        |why: String| component_error(format!("invalid acknowledgment of {shown:?}: {why}"));
    if !STATUSES.contains(&given.status) {
        let status = given.status;
        return Err(wrong(format!("status {status}, not from 100 to 599")));
    }
    let value = serde_json::from_str(&given.value)
        .map_err(|error| wrong(format!("the value is not JSON: {error}")))?;
    let acknowledgment = Acknowledgment {
        property: given.property,
        value,
        status: given.status,
        description: given.description,
    };
    check_acknowledgment(component, &acknowledgment).map_err(|error| wrong(error.to_string()))?;
    Ok(acknowledgment)
}

/// Runs a call and stops it if it waits for anything but its time slice: exports are synchronous and short, and every
/// import returns at once, so only a WASI pollable that is not ready can be waited for.
async fn run_nonblocking<T>(
    meter: &CallMeter,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    let mut call = pin!(call);
    poll_fn(
        |context| match meter.measure(|| call.as_mut().poll(context)) {
            (Poll::Pending, false) => Poll::Ready(Err(wasmtime::format_err!(
                "waited (wasi:io/poll); set a timer instead"
            ))),
            (poll, _) => poll,
        },
    )
    .await
}
