//! What the README says is so.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::{fs, path::Path};

use host::guest::Limits;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

#[test]
fn every_make_target_it_names_exists() {
    let makefile = read("Makefile");
    let readme = read("README.md");
    let named: Vec<_> = readme
        .match_indices("make ")
        .map(|(at, found)| &readme[at + found.len()..])
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next())
        .filter(|target| !target.is_empty())
        .collect();
    assert!(
        named.contains(&"run") && named.contains(&"test"),
        "{named:?}"
    );
    for target in named {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn its_limits_are_the_hosts() {
    let readme = read("README.md");
    let defaults = Limits::default();
    for limit in Limits::ALL {
        let what = limit.reason().split('.').next().unwrap();
        let row = format!(
            "| `{}` | {what} | {} |",
            limit.name(),
            limit.shown(&defaults)
        );
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn the_files_it_links_to_exist() {
    for document in [
        "README.md",
        "docs/architecture.md",
        "docs/faults.md",
        "docs/protocol.md",
        "docs/query.md",
        "docs/rest.md",
        "docs/sdks.md",
        "docs/service.md",
        "docs/thermostat.md",
    ] {
        let text = read(document);
        let folder = Path::new(document).parent().unwrap();
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("..")
                .join(folder)
                .join(link);
            assert!(path.exists(), "{document} links to {link}");
        }
    }
}
