//! Remedies for components that do not fit this host, by what they import and what stopped them.

use crate::contract::behaviour::CallFailure;

/// The version of WASI that this host offers.
const WASI_VERSION: &str = "0.2";
/// WASI packages this host offers, without files, network and environment.
const WASI_PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

const ASYNC: &str = "this host runs synchronous components; built with componentize-qjs? add --sync; built with \
                     another tool? build it without async";
const HTTP: &str = "built with jco? add -d http -d fetch-event";
const CONTRACT: &str = "build it against the contract of this host (wit/)";

/// Returns true for an import of WASI that this host can provide.
pub(super) fn is_offered_wasi(import: &str) -> bool {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let package = wasi_package(interface);
    package.is_some_and(|package| WASI_PACKAGES.contains(&package)) && is_offered_version(version)
}

/// Returns true for a release of [`WASI_VERSION`]; releases of it are compatible with each other.
fn is_offered_version(version: &str) -> bool {
    let patch = version
        .strip_prefix(WASI_VERSION)
        .and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

fn wasi_package(import: &str) -> Option<&str> {
    let (package, _) = import.strip_prefix("wasi:")?.split_once('/')?;
    Some(package)
}

/// Returns the remedy for imports this host does not provide, or for a missing export if there are none.
pub(super) fn of_imports(missing: &[String]) -> String {
    let mut remedies: Vec<String> = Vec::new();
    let mut add = |remedy: String| {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    };
    for import in missing {
        let version = import.split_once('@').map_or("", |(_, version)| version);
        match wasi_package(import) {
            None => add(CONTRACT.to_owned()),
            Some(_) if !version.is_empty() && !is_offered_version(version) => {
                add(of_version(version));
            }
            Some("http") => add(HTTP.to_owned()),
            Some(_) => add(format!(
                "this host offers the WASI packages {}; build it without others",
                WASI_PACKAGES.join(", ")
            )),
        }
    }
    match remedies.is_empty() {
        true => CONTRACT.to_owned(),
        false => remedies.join("; "),
    }
}

fn of_version(version: &str) -> String {
    format!(
        "this host offers WASI {WASI_VERSION}, not {version}; build it for WASI {WASI_VERSION}, such as the target wasm32-wasip2"
    )
}

/// Returns the remedy for an error of the compiler about the component in `bytes`.
pub(super) fn of_compile_error(error: &str, bytes: &[u8]) -> String {
    let needs = |feature: &str| error.contains(feature);
    if !needs("requires the ") || !needs(" feature") {
        return "build or copy it again".to_owned();
    }
    let is_async = needs("component model async")
        || needs("component model more async")
        || needs("component model threading");
    match (is_async, other_wasi_version(bytes)) {
        (true, Some(version)) => of_version(&version),
        (true, None) => ASYNC.to_owned(),
        (false, _) => "this host does not support that feature; build it without".to_owned(),
    }
}

/// Returns the first version of WASI in the component's names that this host does not offer. A component that does not
/// compile tells its imports in no other way.
fn other_wasi_version(bytes: &[u8]) -> Option<String> {
    const PREFIX: &[u8] = b"wasi:";
    let starts = bytes
        .windows(PREFIX.len())
        .enumerate()
        .filter(|(_, window)| *window == PREFIX);
    starts
        .filter_map(|(start, _)| bytes.get(start..)?.get(..128.min(bytes.len() - start)))
        .find_map(|name| {
            let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b":/-@.".contains(byte);
            let name: Vec<u8> = name.iter().take_while(is_name).copied().collect();
            let name = String::from_utf8(name).ok()?;
            let (interface, version) = name.split_once('@')?;
            wasi_package(interface)?;
            // Bytes after the name may look like a part of it.
            let numbers = version
                .bytes()
                .take_while(|byte| byte.is_ascii_digit() || *byte == b'.');
            let version: String = numbers.map(char::from).collect();
            let is_other = version.starts_with(|digit: char| digit.is_ascii_digit())
                && version != WASI_VERSION
                && !version.starts_with(&format!("{WASI_VERSION}."));
            is_other.then_some(version)
        })
}

/// Returns the option that raises the limit a call has exceeded, with a separator before it; empty for another failure.
pub(crate) fn of_limit(failure: &CallFailure) -> String {
    let limit = match failure {
        CallFailure::Error(_) => None,
        CallFailure::OutOfMemory(reason) if reason.contains("table elements") => {
            Some("table-elements")
        }
        CallFailure::OutOfMemory(_) => Some("memory"),
        CallFailure::Trap(reason) => of_trap(reason),
    };
    match limit {
        Some(limit) => format!("; raise --limit {limit}=…"),
        None => String::new(),
    }
}

/// Returns the limit that a trap of the host names at its start.
fn of_trap(reason: &str) -> Option<&'static str> {
    let limits = [
        ("used more than ", "cpu"),
        ("took longer than ", "wall"),
        ("resource limit exceeded: ", "instances"),
        ("set more than ", "timers"),
        ("the record is ", "record"),
    ];
    let found = limits.iter().find(|(words, _)| reason.starts_with(words));
    // The record may also not be JSON.
    found
        .filter(|(_, limit)| *limit != "record" || reason.contains(" bytes, more than "))
        .map(|(_, limit)| *limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(imports: &[&str]) -> String {
        let imports: Vec<_> = imports.iter().map(|&import| import.to_owned()).collect();
        of_imports(&imports)
    }

    #[test]
    fn only_releases_of_wasi_0_2_are_offered() {
        for offered in ["wasi:cli/stdout@0.2.0", "wasi:io/poll@0.2.12"] {
            assert!(is_offered_wasi(offered), "{offered}");
        }
        for other in [
            "wasi:cli/stdout@0.3.0",
            "wasi:cli/stdout@0.2.0-rc-2023-11-10",
            "wasi:cli/stdout@0.20.0",
            "wasi:cli/stdout",
            "wasi:http/types@0.2.10",
            "wasip:cli/stdout@0.2.0",
        ] {
            assert!(!is_offered_wasi(other), "{other}");
        }
    }

    #[test]
    fn the_remedy_is_that_of_the_missing_imports_each_once() {
        let http = of(&[
            "wasi:http/types@0.2.10",
            "wasi:http/outgoing-handler@0.2.10",
        ]);
        assert_eq!(http, HTTP);
        assert_eq!(of(&["other:place/oracle"]), CONTRACT);
        assert_eq!(of(&[]), CONTRACT);
        assert!(of(&["wasi:keyvalue/store@0.2.0"]).contains("packages cli, clocks"));
        let newer = of(&["wasi:http/types@0.3.0", "wasi:cli/run@0.3.0"]);
        assert!(
            newer.starts_with("this host offers WASI 0.2, not 0.3.0"),
            "{newer}"
        );
    }

    #[test]
    fn an_asynchronous_component_is_told_the_version_of_wasi_or_the_option_of_its_tool() {
        let error = "`task.cancel` requires the component model async feature (at offset 0x18c137)";
        let of = |bytes: &[u8]| of_compile_error(error, bytes);
        assert!(of(b"\0wasi:cli/stdin@0.2.12\0").contains("--sync"));
        assert!(of(b"wasi:cli/a@0.2.1.wasi:cli/run@0.3.0p").contains("WASI 0.2, not 0.3.0"));
        assert!(of(b"wasi:").contains("--sync"));
        assert_eq!(
            of_compile_error("unexpected end", b""),
            "build or copy it again"
        );
    }

    #[test]
    fn a_limit_that_was_exceeded_is_named_with_its_option() {
        let trap = |reason: &str| of_limit(&CallFailure::Trap(reason.to_owned()));
        assert_eq!(
            trap("took longer than 5 s in one call"),
            "; raise --limit wall=…"
        );
        assert_eq!(
            trap("wasm trap: wasm `unreachable` instruction executed"),
            ""
        );
        assert_eq!(of_limit(&CallFailure::Error("of memory".to_owned())), "");
    }
}
