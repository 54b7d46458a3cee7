//! Facts in the documents that code can check: links, make targets, limits.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use host::guest::Limits;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Every Markdown file of the top folder and of `docs`, relative to the top folder.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/adr"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            let path = Path::new(folder).join(name);
            if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

/// The text between each `](` and the next `)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let rest = text.split("](").skip(1);
    rest.filter_map(|rest| rest.split(')').next())
}

/// The anchors of a document, as GitHub makes them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let headings = text.lines().filter(|line| {
        in_code ^= line.trim_start().starts_with("```");
        !in_code && line.starts_with('#')
    });
    headings.map(anchor).collect()
}

fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title
        .chars()
        .filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).unwrap();
        let folder = document.parent().unwrap();
        for link in links(&text).filter(|link| !link.starts_with("http")) {
            let (file, anchor) = match link.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (link, None),
            };
            let target = match file {
                "" => document.clone(),
                file => folder.join(file),
            };
            let path = root().join(target);
            assert!(path.exists(), "{} links to {link}", document.display());
            if let Some(anchor) = anchor {
                let anchors = anchors(&fs::read_to_string(path).unwrap());
                assert!(
                    anchors.contains(anchor),
                    "{} links to {link}; the headings are {anchors:?}",
                    document.display()
                );
            }
        }
    }
}

/// The targets of `make TARGET` in code blocks and between backticks.
fn make_targets(text: &str) -> Vec<String> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        in_block ^= line.trim_start().starts_with("```");
        // Outside a block, every second piece is between backticks.
        let code = line.split('`').skip(usize::from(!in_block)).step_by(2);
        for rest in code.filter_map(|code| code.trim_start().strip_prefix("make ")) {
            let target = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-');
            found.extend(target.take(1).map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_make_target_exists() {
    let makefile = read("Makefile");
    let mut named = BTreeSet::new();
    for document in documents() {
        let text = fs::read_to_string(root().join(document)).unwrap();
        named.extend(make_targets(&text));
    }
    assert!(
        ["run", "build", "test"]
            .iter()
            .all(|it| named.contains(*it)),
        "{named:?}"
    );
    for target in named {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn the_limits_are_the_hosts() {
    let page = read("docs/components.md");
    let defaults = Limits::default();
    for limit in Limits::ALL {
        let reason = limit.reason().split('.').next().unwrap();
        let row = format!(
            "| `{}` | {reason} | {} |",
            limit.name(),
            limit.shown(&defaults)
        );
        assert!(page.contains(&row), "{row}");
    }
}
