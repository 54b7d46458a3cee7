//! What operators see of what is kept, and is not.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, channel},
    },
    time::Duration,
};

use cloud::store::StoreLocation;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{OWNER, Site};

/// So long nothing comes where nothing is to come.
const QUIET: Duration = Duration::from_millis(250);

fn gap(site: &Site, since: u64) -> (Value, Value) {
    let (_, text) = site.export(&format!("&format=ndjson&since={since}"), &[]);
    let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.next().unwrap(), lines.next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_too_late_is_told_what_is_missing() {
    let site = Site::start_with(StoreLocation::Memory, 512 * 1024).await;
    let mut device = site.device("t-1").await;
    let body = vec![b'x'; 32 * 1024];
    for _ in 0..40 {
        device.tell("", &body).await;
    }
    let (told, first) = gap(&site, 3);
    assert_eq!((&told["type"], &told["since"]), (&json!("gap"), &json!(3)));
    assert_eq!(told["completeFrom"], first["sequence"]);
    let oldest = first["sequence"].as_u64().unwrap();
    assert!(oldest > 4);
    let (first, _) = gap(&site, oldest - 1);
    assert_eq!(first["sequence"], oldest);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_everything_is_told_of_what_is_missing_in_between() {
    let site = Site::start_with(StoreLocation::Memory, 512 * 1024).await;
    let mut quiet = site.device("quiet").await;
    quiet.tell("", b"1").await;
    let mut loud = site.device("loud").await;
    for _ in 0..40 {
        loud.tell("", &[b'x'; 32 * 1024]).await;
    }
    let told = |query: &str| {
        let (_, text) = site.export(&format!("&format=ndjson{query}"), &[]);
        let first = text.lines().next().unwrap().to_owned();
        serde_json::from_str::<Value>(&first).unwrap()["type"].clone()
    };
    assert_eq!(told(""), "gap");
    assert_ne!(told("&device=quiet"), "gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_from_another_cloud_begins_anew() {
    let site = Site::start().await;
    site.register("t-1");
    site.cloud.hub().store().flush().await.unwrap();
    let (told, first) = gap(&site, 500);
    assert_eq!(
        (&told["since"], &told["completeFrom"]),
        (&json!(500), &json!(1))
    );
    assert_eq!(first["sequence"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_answered_when_it_is_kept_and_a_question_at_once() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("cloud.db");
    let site = Arc::new(Site::start_with(StoreLocation::File(file.clone()), 1 << 30).await);
    site.register("t-1");
    let other = Connection::open(file).unwrap();
    other.busy_timeout(Duration::from_secs(60)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (answered, answer) = channel();
    let change = {
        let site = Arc::clone(&site);
        std::thread::spawn(move || {
            let tags = json!({"tags": {"a": 1}});
            let changed = site.call(OWNER, "PATCH", "/twins/t-1", &tags);
            answered.send(changed.status).unwrap();
        })
    };
    assert_eq!(answer.recv_timeout(QUIET), Err(RecvTimeoutError::Timeout));
    assert_eq!(site.get(OWNER, "/twins/t-1").status, 200);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(answer.recv().unwrap(), 200);
    change.join().unwrap();
}
