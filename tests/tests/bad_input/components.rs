//! Files that are no component, or none for this host.

use std::{fs, path::PathBuf};

use end_to_end::{HostCommand, guest, thermostat};

use super::{UNUSABLE, ends, host};

#[test]
fn components_that_cannot_be_used_are_named_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    let whole = fs::read(thermostat()).expect("make build leaves it");
    let half = whole.get(..whole.len() / 2).expect("half of it");
    for (path, words) in [
        (
            folder.path().join("missing.wasm"),
            &["missing.wasm", "no such file"][..],
        ),
        (folder.path().to_owned(), &["not a file"]),
        (
            file("text.wasm", b"(component)"),
            &["text.wasm", "not a WebAssembly component"],
        ),
        (
            file("core.wasm", b"\0asm\x01\0\0\0"),
            &["core module", "wasm32-wasip2"],
        ),
        (
            file("new.wasm", b"\0asm\x0e\0\x01\0"),
            &["new.wasm", "version of WebAssembly"],
        ),
        (
            file("empty.wasm", b"\0asm\x0d\0\x01\0"),
            &["empty.wasm", "does not export pnp:device/behaviour"],
        ),
        (
            file("half.wasm", half),
            &["half.wasm", "cannot compile", "out of bounds", "again"],
        ),
        (
            guest("wrong_world"),
            &[
                "imports other:place/oracle",
                "does not export pnp:device/behaviour",
            ],
        ),
        (
            guest("init_err"),
            &["cannot start component", "init_err.wasm", "never begins"],
        ),
        (
            guest("init_trap"),
            &["cannot start component", "init_trap.wasm", "unreachable"],
        ),
    ] {
        ends(host(&path), UNUSABLE, words);
    }
}

#[test]
fn a_component_is_named_by_an_argument_or_an_option_and_not_by_both() {
    let thermostat = thermostat();
    ends(
        HostCommand::bare().arg(&thermostat),
        UNUSABLE,
        &["IOTHUB_DEVICE_SECURITY_TYPE"],
    );
    // A wrong file is named first: it was typed last.
    ends(
        HostCommand::bare().arg("/no/such.wasm"),
        UNUSABLE,
        &["/no/such.wasm", "no such file"],
    );
    let mut both = host(&thermostat).arg(&thermostat).start();
    assert_eq!(both.wait().code(), Some(UNUSABLE));
    let text = both.stderr.text();
    assert!(text.contains("both COMPONENT and --component"), "{text}");
}

#[test]
fn a_component_is_compiled_by_name_under_the_same_rules() {
    let compile = |file: &str| HostCommand::bare().arg("compile").arg(file);
    ends(
        compile("/no/such.wasm"),
        UNUSABLE,
        &["/no/such.wasm", "no such file"],
    );
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    ends(
        compile(text),
        UNUSABLE,
        &["Cargo.toml", "not a WebAssembly component"],
    );
}

#[test]
fn a_component_that_needs_wasi_is_told_which_option_forbids_it() {
    ends(
        host(&thermostat()).arg("--wasi").arg("none"),
        UNUSABLE,
        &["imports wasi:", "--wasi log-only"],
    );
}

#[test]
fn a_component_that_is_too_much_is_told_the_limit_and_how_to_raise_it() {
    let limited = |limit: &str| host(&thermostat()).arg("--limit").arg(limit);
    ends(
        limited("component=1KiB"),
        UNUSABLE,
        &["larger than 1 KiB", "--limit component="],
    );
    ends(
        limited("memory=64KiB"),
        UNUSABLE,
        &["more than 64 KiB of memory", "raise --limit memory="],
    );
}
