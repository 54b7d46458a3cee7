//! The failure of a trap: its reason, the last words of the component, and a short backtrace.

use rustc_demangle::demangle;
use wasmtime::{FrameInfo, WasmBacktrace};

use super::limits::{MAX_REASON, OutOfMemory};
use crate::{contract::behaviour::CallFailure, text::truncate};

/// Functions named in a backtrace, the innermost first.
const MAX_FRAMES: usize = 4;
/// The size limit of a function's name, in bytes.
const MAX_NAME: usize = 80;
/// The size limit of a symbol to demangle, in bytes: the host does not work for long for a component that fails.
const MAX_SYMBOL: usize = 1 << 10;
/// Beginnings of the names of functions in which a component ends or allocates: the author's function is further out.
const RUNTIME: [&str; 17] = [
    "std::",
    "core::",
    "alloc::",
    "<std::",
    "<core::",
    "<alloc::",
    "__rust",
    "rust_",
    "abort",
    "panic_abort::",
    "runtime.",
    "malloc",
    "calloc",
    "realloc",
    "dlmalloc",
    "dlrealloc",
    "sbrk",
];

/// Creates the failure of an error that ended a call.
pub(super) fn call_failure(error: &wasmtime::Error, last_words: Option<&str>) -> CallFailure {
    let mut reason = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    add_last_words(&mut reason, last_words);
    if let Some(backtrace) = error.downcast_ref().and_then(backtrace) {
        reason.push_str("; in ");
        reason.push_str(&backtrace);
    }
    let reason = truncate(&reason, MAX_REASON);
    match error.downcast_ref::<OutOfMemory>() {
        Some(_) => CallFailure::OutOfMemory(reason),
        None => CallFailure::Trap(reason),
    }
}

/// Adds what the component has last written to standard error to a reason.
pub(super) fn add_last_words(reason: &mut String, last_words: Option<&str>) {
    if let Some(words) = last_words {
        reason.push_str("; stderr: ");
        reason.push_str(words);
    }
}

fn backtrace(trace: &WasmBacktrace) -> Option<String> {
    shorten(trace.frames().iter().map(name))
}

/// Returns the demangled name of a frame's function, or its index if the component has no names.
fn name(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(name) if name.len() > MAX_SYMBOL => truncate(name, MAX_NAME),
        // The alternate form omits the hash.
        Some(name) => truncate(&format!("{:#}", demangle(name)), MAX_NAME),
        None => format!("function {}", frame.func_index()),
    }
}

/// Joins the innermost frames outside the component's runtime, each recursion once.
fn shorten(frames: impl Iterator<Item = String>) -> Option<String> {
    let mut names: Vec<_> = frames.collect();
    names.dedup();
    let is_runtime = |name: &String| RUNTIME.iter().any(|start| name.starts_with(start));
    if let Some(first) = names.iter().position(|name| !is_runtime(name)) {
        names.drain(..first);
    }
    names.truncate(MAX_FRAMES);
    (!names.is_empty()).then(|| names.join(" <- "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(frames: &[&str]) -> Option<String> {
        shorten(frames.iter().map(|&name| name.to_owned()))
    }

    #[test]
    fn a_backtrace_begins_where_the_author_can_change_something() {
        let panic = [
            "abort",
            "std::process::abort",
            "__rustc::rust_panic",
            "core::panicking::panic_fmt",
        ];
        let frames = [
            &panic[..],
            &["guest::zone", "core::ops::call", "guest::on_command"],
        ]
        .concat();
        let expected = "guest::zone <- core::ops::call <- guest::on_command";
        assert_eq!(shortened(&frames).unwrap(), expected);
        assert_eq!(shortened(&panic[..1]).unwrap(), "abort");
        assert_eq!(shortened(&[]), None);
    }

    #[test]
    fn a_recursion_is_named_once() {
        let frames = [&["guest::f"; 30][..], &["guest::g"]].concat();
        assert_eq!(shortened(&frames).unwrap(), "guest::f <- guest::g");
    }
}
