//! Components that misbehave, each stopped by the limit that is meant for it, and nothing else harmed.

#[path = "../common/mod.rs"]
mod common;
mod failures;
mod names;

use std::{path::Path, sync::Arc, time::Duration};

use common::{Lab, guest, thermostat};
use host::{
    clock::{Clock, SystemClock},
    contract::{
        behaviour::{
            Answer, Behaviour, CallFailure, Event, Instance as _, InstanceContext, Outcome, Reason,
            Start,
        },
        effect::Effect,
    },
    guest::{Component, ComponentInstance, Limits, Wasi},
    hub::reply::Reply,
};
use serde_json::{Value, json};

/// Small enough that each test ends soon, and no smaller than the well-behaved need.
fn strict() -> Limits {
    Limits {
        memory: 16 << 20,
        cpu: Duration::from_millis(100),
        effects: 10,
        ..Limits::default()
    }
}

fn lab() -> Lab {
    Lab::new(strict(), Wasi::LogOnly)
}

async fn start(
    component: &Component,
    config: &[(&str, &str)],
) -> Result<(ComponentInstance, Outcome), CallFailure> {
    start_on(Arc::new(SystemClock::new()), component, config).await
}

async fn start_on(
    clock: Arc<dyn Clock>,
    component: &Component,
    config: &[(&str, &str)],
) -> Result<(ComponentInstance, Outcome), CallFailure> {
    let context = InstanceContext {
        device: "d".into(),
        clock,
        seed: Some(1),
        outbox_quota: None,
    };
    let config = config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    component
        .start(
            context,
            Start {
                reason: Reason::Fresh,
                config,
                record: None,
            },
        )
        .await
}

fn command(name: &str, payload: Option<&str>) -> Event {
    Event::Command {
        component: None,
        name: name.to_owned(),
        payload: payload.map(str::to_owned),
    }
}

/// What a command to a fresh instance of `faulty` comes to.
async fn faulty(name: &str) -> Result<Outcome, CallFailure> {
    let component = lab().load(&guest("faulty")).await.unwrap();
    let (instance, _) = start(&component, &[]).await.unwrap();
    instance
        .handle(command(name, None))
        .await
        .map(|(_, outcome)| outcome)
}

async fn stopped(name: &str) -> String {
    match faulty(name).await {
        Err(CallFailure::Trap(reason) | CallFailure::OutOfMemory(reason)) => reason,
        other => panic!("{name}: {other:?}"),
    }
}

fn payload(outcome: &Outcome) -> Value {
    let Answer::Reply(Reply { payload, .. }) = &outcome.answer else {
        panic!("{outcome:?}")
    };
    serde_json::from_str(payload).unwrap()
}

#[tokio::test]
async fn a_loop_without_end_is_stopped() {
    let reason = stopped("spin").await;
    assert!(
        reason.starts_with("used more than 100 ms of CPU time in one call"),
        "{reason}"
    );
}

#[tokio::test]
async fn memory_without_end_is_refused() {
    let reason = stopped("hog").await;
    assert!(
        reason.starts_with("requested more than 16 MiB of memory"),
        "{reason}"
    );
}

/// A component with `count` more core modules, each with a memory of this many pages of 64 KiB and a table of this many
/// elements. They exist once the component is instantiated.
fn with_more_parts(component: &Path, count: u32, pages: u64, elements: u64) -> Vec<u8> {
    use wasm_encoder::{
        ComponentSection as _, InstanceSection, MemorySection, MemoryType, Module, ModuleSection,
        RefType, TableSection, TableType,
    };
    let (mut memories, mut tables) = (MemorySection::new(), TableSection::new());
    memories.memory(MemoryType {
        minimum: pages,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: elements,
        maximum: None,
        table64: false,
        shared: false,
    });
    let mut module = Module::new();
    module.section(&tables).section(&memories);
    let mut bytes = std::fs::read(component).unwrap();
    let there = core_modules(&bytes);
    for number in 0..count {
        ModuleSection(&module).append_to_component(&mut bytes);
        let mut instances = InstanceSection::new();
        let nothing: [(&str, wasm_encoder::ModuleArg); 0] = [];
        instances.instantiate(there + number, nothing);
        instances.append_to_component(&mut bytes);
    }
    bytes
}

/// How many core modules a component has at its outermost level.
fn core_modules(component: &[u8]) -> u32 {
    const CORE_MODULE: u8 = 1;
    let mut rest = &component[8..];
    let mut found = 0;
    while let [section, sized @ ..] = rest {
        found += u32::from(*section == CORE_MODULE);
        let digits = sized.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let size = sized[..digits].iter().rev();
        let size = size.fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        rest = &sized[digits + size..];
    }
    found
}

async fn with_parts(count: u32, pages: u64, elements: u64) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("parts.wasm");
    let bytes = with_more_parts(&guest("faulty"), count, pages, elements);
    std::fs::write(&file, bytes).unwrap();
    let loaded = lab().load(&file).await;
    loaded.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn many_memories_or_tables_take_no_more_together_than_one_may() {
    assert_eq!(with_parts(10, 1, 1000).await, Ok(()));
    let memories = with_parts(20, 16, 0).await.unwrap_err();
    let too_much = "stopped: requested more than 16 MiB of memory";
    assert!(memories.contains(too_much), "{memories}");
    let tables = with_parts(20, 0, 10_000).await.unwrap_err();
    let too_many = "stopped: requested more than 100000 table elements";
    assert!(tables.contains(too_many), "{tables}");
}

#[tokio::test]
async fn recursion_without_end_is_stopped() {
    assert!(stopped("recurse").await.contains("call stack exhausted"));
}

#[tokio::test]
async fn a_call_that_waits_is_stopped_and_told_what_to_do_instead() {
    let reason = stopped("wait").await;
    assert!(
        reason.starts_with("waited (wasi:io/poll); set a timer instead"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused() {
    assert!(
        stopped("big-record")
            .await
            .ends_with("bytes, more than 65536")
    );
}

#[tokio::test]
async fn an_error_of_save_is_an_error_of_the_call() {
    assert!(
        matches!(faulty("save-err").await, Err(CallFailure::Error(reason)) if reason.contains("save"))
    );
}

#[tokio::test]
async fn of_a_flood_as_much_is_taken_as_a_call_may_stage() {
    let outcome = faulty("flood").await.unwrap();
    assert_eq!(outcome.effects.len(), 10);
    assert_eq!(payload(&outcome)["taken"], 10);
}

#[tokio::test]
async fn telemetry_the_hub_would_not_take_is_refused_with_its_size_and_the_limit() {
    let outcome = faulty("big").await.unwrap();
    assert_eq!(outcome.effects, []);
    let error = payload(&outcome)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("262144"), "{error}");
}

#[tokio::test]
async fn a_log_without_end_costs_no_call() {
    assert!(faulty("log").await.is_ok());
}

#[tokio::test]
async fn a_well_behaved_component_stays_far_below_the_limits() {
    let component = lab().load(&thermostat()).await.unwrap();
    assert_eq!(
        component.description().model_id,
        "dtmi:com:example:Thermostat;1"
    );
    let (mut instance, begun) = start(&component, &[]).await.unwrap();
    assert!(matches!(
        begun.effects[..],
        [
            Effect::Report(_),
            Effect::Telemetry(_),
            Effect::SetTimer(..)
        ]
    ));
    for _ in 0..100 {
        let (next, outcome) = instance
            .handle(Event::Timer("telemetry".to_owned()))
            .await
            .unwrap();
        assert!(outcome.record.len() <= 4096);
        instance = next;
    }
}

#[tokio::test]
async fn hub_and_timers_are_refused_while_a_component_describes_itself() {
    let component = lab().load(&guest("describe_calls_hub")).await.unwrap();
    assert_eq!(
        component.description().name,
        "describe-calls-hub: refused, refused"
    );
}

#[tokio::test]
async fn an_init_that_fails_says_why() {
    let lab = lab();
    let component = lab.load(&guest("init_err")).await.unwrap();
    assert!(matches!(
        start(&component, &[]).await,
        Err(CallFailure::Error(_))
    ));
    let component = lab.load(&guest("init_trap")).await.unwrap();
    assert!(matches!(
        start(&component, &[]).await,
        Err(CallFailure::Trap(_))
    ));
}

#[tokio::test]
async fn a_component_with_messages_gets_them() {
    let component = lab().load(&guest("messages")).await.unwrap();
    assert!(component.takes_messages());
    let (instance, _) = start(&component, &[]).await.unwrap();
    let properties = vec![("$.mid".to_owned(), "m".to_owned())];
    let (instance, _) = instance
        .handle(Event::Message {
            body: b"hello".to_vec(),
            properties,
        })
        .await
        .unwrap();
    let (_, outcome) = instance.handle(command("last", None)).await.unwrap();
    assert!(payload(&outcome).to_string().contains("hello"));
    assert!(!lab().load(&thermostat()).await.unwrap().takes_messages());
}

#[tokio::test]
async fn a_large_command_is_answered() {
    let component = lab().load(&guest("sequence")).await.unwrap();
    let (instance, _) = start(&component, &[]).await.unwrap();
    let body = json!("x".repeat(100_000)).to_string();
    let (_, outcome) = instance.handle(command("echo", Some(&body))).await.unwrap();
    assert_eq!(payload(&outcome), json!("x".repeat(100_000)));
}

async fn refused(path: &Path) -> String {
    match lab().load(path).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{} was loaded", path.display()),
    }
}

#[tokio::test]
async fn a_component_of_another_world_is_refused_by_the_names_it_needs() {
    let error = refused(&guest("wrong_world")).await;
    assert!(
        error.contains("imports other:place/oracle@1.0.0"),
        "{error}"
    );
    assert!(
        error.contains("does not export pnp:device/behaviour@0.1.0"),
        "{error}"
    );
}

#[tokio::test]
async fn a_component_without_wasi_is_all_a_strict_host_takes() {
    let lab = Lab::new(strict(), Wasi::None);
    let error = lab.load(&thermostat()).await.err().unwrap().to_string();
    assert!(error.contains("wasi:"), "{error}");
}

#[tokio::test]
async fn files_that_are_no_component_are_refused_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let wasm = std::fs::read(thermostat()).unwrap();
    for (path, words) in [
        (folder.path().join("missing"), "no such file"),
        (folder.path().to_owned(), "not a file"),
        (file("empty", b""), "no WebAssembly header"),
        (file("text", b"hello, world"), "no WebAssembly header"),
        (file("core", b"\0asm\x01\0\0\0"), "core module"),
        (
            file("future", b"\0asm\x63\0\x63\0"),
            "unknown version of WebAssembly",
        ),
        (file("half", &wasm[..wasm.len() / 2]), "cannot compile"),
    ] {
        let error = refused(&path).await;
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn a_spinning_instance_delays_no_other() {
    let lab = lab();
    let spinning = lab.load(&guest("faulty")).await.unwrap();
    let thermostat = lab.load(&thermostat()).await.unwrap();
    let (spinner, _) = start(&spinning, &[]).await.unwrap();
    let (instance, _) = start(&thermostat, &[]).await.unwrap();
    // Both on one thread: were the spinner not made to give way, it would end first.
    let spin = spinner.handle(command("spin", None));
    let tick = instance.handle(Event::Timer("telemetry".to_owned()));
    tokio::select! {
        _ = spin => panic!("the loop ended first"),
        ticked = tick => assert!(ticked.is_ok()),
    }
}

#[tokio::test]
async fn an_image_others_could_have_written_is_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let lab = lab();
    lab.load(&thermostat()).await.unwrap();
    let image = std::fs::read_dir(lab.cache())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&image, b"not what the compiler wrote").unwrap();
    std::fs::set_permissions(&image, PermissionsExt::from_mode(0o666)).unwrap();
    lab.load(&thermostat()).await.unwrap();
    let mode = std::fs::metadata(&image).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it was made anew");

    std::fs::set_permissions(lab.cache(), PermissionsExt::from_mode(0o777)).unwrap();
    let error = lab.load(&thermostat()).await.err().unwrap().to_string();
    assert!(error.contains("other users can write to it"), "{error}");
}
