//! The directory of models, as its listing shows it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{process::cloud, site::Site};

const READER: &str = "registryRead";
const WRITER: &str = "registryReadWrite";
/// Listings to wait for at most. Each takes as long as the cloud needs to read the files, or 50 ms.
const MAX_LISTINGS: usize = 1000;

fn interface(name: &str) -> Value {
    json!({"@context": "dtmi:dtdl:context;2", "@id": id(name), "@type": "Interface"})
}

fn id(name: &str) -> String {
    format!("dtmi:com:example:{name};1")
}

fn write(directory: &Path, name: &str, text: &str) {
    let folder = directory.join("dtmi/com/example");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}-1.json")), text).unwrap();
}

/// Asks for the listing until it has these models, and so many unusable files, and all has been read.
fn await_listing(site: &Site, names: &[&str], broken: usize) -> Value {
    let ids: Vec<_> = names.iter().map(|name| id(name)).collect();
    let mut listing = Value::Null;
    // One is enough unless the machine is busy.
    for _ in 0..MAX_LISTINGS {
        listing = site.get(READER, "/api/models").json;
        let found = listing["broken"].as_array().unwrap().len();
        if listing["ids"] == json!(ids) && found == broken && listing["pending"] == json!(false) {
            return listing;
        }
    }
    panic!("{listing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_shows_what_was_added_changed_broken_and_removed_in_the_directory() {
    let directory = TempDir::new().unwrap();
    let write = |name: &str, text: &str| write(directory.path(), name, text);
    write("kettle", &interface("kettle").to_string());
    let site = Site::with_models(directory.path()).await;
    await_listing(&site, &["kettle"], 0);

    write("lid", &interface("lid").to_string());
    await_listing(&site, &["kettle", "lid"], 0);
    write("kettle", "{");
    let listing = await_listing(&site, &["lid"], 1);
    let broken = listing["broken"][0].as_str().unwrap();
    assert!(broken.contains("kettle-1.json: invalid JSON"), "{broken}");
    // As long as before: only the time tells.
    write("lid", &interface("dil").to_string());
    await_listing(&site, &[], 2);
    write("kettle", &interface("kettle").to_string());
    write("lid", &interface("lid").to_string());
    await_listing(&site, &["kettle", "lid"], 0);

    let pump = format!("/api/models/{}", id("pump"));
    let added = site.call(WRITER, "PUT", &pump, &interface("pump"));
    assert_eq!(added.status, 200, "{}", added.json);
    await_listing(&site, &["kettle", "lid", "pump"], 0);
    fs::remove_dir_all(directory.path().join("dtmi/com")).unwrap();
    await_listing(&site, &["pump"], 0);
    fs::remove_dir_all(directory.path().join("dtmi")).unwrap();
    let listing = await_listing(&site, &["pump"], 1);
    let broken = listing["broken"][0].as_str().unwrap();
    assert!(broken.starts_with("cannot read "), "{broken}");
}

#[test]
fn models_that_cannot_be_used_are_named_in_the_log_as_far_as_it_is_of_use() {
    let directory = TempDir::new().unwrap();
    for number in 0..12 {
        write(directory.path(), &format!("cut{number}"), "{\"@context\":");
    }
    // `cat` ends with its input.
    let mut exec = cloud(&["exec", "--models"])
        .args([directory.path().as_os_str(), "cat".as_ref()])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = String::new();
    for line in BufReader::new(exec.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        log += &(line.clone() + "\n");
        if line.contains("more models ignored") {
            assert!(line.contains("files=2"), "{line}");
            exec.stdin.take();
        }
    }
    assert!(exec.wait().unwrap().success());
    let named = log.lines().filter(|line| line.contains("model ignored"));
    let named: Vec<_> = named.collect();
    assert_eq!(named.len(), 10, "{log}");
    let file = directory.path().join("dtmi/com/example/cut0-1.json");
    let reason = format!("error={}: invalid JSON", file.display());
    assert!(named[0].contains(&reason), "{}", named[0]);
}
