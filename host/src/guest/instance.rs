//! A running component.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use serde_json::Value;
use wasmtime::Store;

use super::{
    bindings::{Device, exports::pnp::device::behaviour as wit},
    instance_state::{InstanceState, Staging},
    limits::{MAX_ACKNOWLEDGMENTS, MAX_REASON, OutOfMemory},
    sandbox::{OnMessage, PreparedComponent, WitMessage},
};
use crate::{
    device::behaviour::{
        self, Answer, CallFailure, Description, Event, InstanceContext, Outcome, Reply, Start,
    },
    hub::twin::{Acknowledgment, is_too_deep},
};

/// Calls an export of `behaviour` and flattens its result.
macro_rules! call_export {
    ($self:ident, $export:ident($($argument:expr),*)) => {{
        let _ticking = $self.component.tick_guard();
        let yielded = $self.store.data().yielded();
        let call = $self.exports.pnp_device_behaviour().$export(&mut $self.store, $($argument),*);
        run_nonblocking(yielded, call).await.and_then(|result| result.map_err(component_error))
    }};
}

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
        component
            .run(async move {
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
    ) -> Result<Self, CallFailure> {
        let limits = component.limits().clone();
        let mut store = Store::new(
            component.engine(),
            InstanceState::new(limits.clone(), context),
        );
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.hostcall);
        store.epoch_deadline_callback(|mut context| context.data_mut().on_tick());
        store.set_epoch_deadline(1);
        let (exports, on_message) = {
            let _ticking = component.tick_guard();
            let yielded = store.data().yielded();
            run_nonblocking(yielded, component.instantiate(&mut store)).await?
        };
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
                    component,
                    properties: Value::Object(properties).to_string(),
                };
                let given = call_export!(self, call_on_desired(&desired))?;
                Answer::Acknowledgments(acknowledgments(given)?)
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
        let yielded = self.store.data().yielded();
        let (result,) =
            run_nonblocking(yielded, on_message.call_async(&mut self.store, (message,))).await?;
        result.map_err(component_error)
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

fn acknowledgments(given: Vec<wit::Acknowledgment>) -> Result<Vec<Acknowledgment>, CallFailure> {
    let sizes = given
        .iter()
        .map(|ack| ack.property.len() + ack.value.len() + ack.description.len());
    let size: usize = sizes.sum();
    if size > MAX_ACKNOWLEDGMENTS {
        let reason =
            format!("the acknowledgments are {size} bytes, more than {MAX_ACKNOWLEDGMENTS}");
        return Err(CallFailure::Error(reason));
    }
    given.into_iter().map(acknowledgment).collect()
}

fn acknowledgment(acknowledgment: wit::Acknowledgment) -> Result<Acknowledgment, CallFailure> {
    let wrong = |why: String| {
        let property = &acknowledgment.property;
        component_error(format!("the acknowledged value of {property:?} {why}"))
    };
    let value = serde_json::from_str(&acknowledgment.value)
        .map_err(|error| wrong(format!("is not JSON: {error}")))?;
    if is_too_deep(&value) {
        return Err(wrong("is nested too deeply".to_owned()));
    }
    Ok(Acknowledgment {
        property: acknowledgment.property,
        value,
        status: acknowledgment.status,
        description: acknowledgment.description,
    })
}

/// Runs a call and stops it if it waits for anything but its time slice: exports are synchronous and short, and every
/// import returns at once, so only a WASI pollable that is not ready can be waited for.
async fn run_nonblocking<T>(
    yielded: Arc<AtomicBool>,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, CallFailure> {
    let mut call = pin!(call);
    let result = poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Pending if !yielded.swap(false, Ordering::Relaxed) => Poll::Ready(Err(
            wasmtime::format_err!("waited (wasi:io/poll); set a timer instead"),
        )),
        poll => poll,
    })
    .await;
    result.map_err(|error| trap(&error))
}

/// Creates the failure of a trap.
fn trap(error: &wasmtime::Error) -> CallFailure {
    let reason = reason(error);
    match error.downcast_ref::<OutOfMemory>() {
        Some(_) => CallFailure::OutOfMemory(reason),
        None => CallFailure::Trap(reason),
    }
}

/// Describes a trap without the backtrace.
fn reason(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}
