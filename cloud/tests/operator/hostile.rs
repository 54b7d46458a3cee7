//! Requests that cannot be meant: each is answered, with 4xx.

use crate::site::{OWNER, PROVISIONING, Site};

/// Every endpoint that takes a body.
const WITH_BODY: [(&str, &str, &str); 8] = [
    (OWNER, "PUT", "/devices/t-1"),
    (OWNER, "PATCH", "/twins/t-1"),
    (OWNER, "PUT", "/twins/t-1"),
    (OWNER, "POST", "/twins/t-1/methods"),
    (PROVISIONING, "PUT", "/enrollments/t-1"),
    (PROVISIONING, "PUT", "/enrollmentGroups/t-1"),
    (OWNER, "POST", "/api/devices/t-1/messages"),
    (OWNER, "POST", "/api/faults"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_is_answered_with_400() {
    let site = Site::start().await;
    site.register("t-1");
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let bodies = [
        deep,
        "[".repeat(500_000),
        "x".repeat(2 << 20),
        "\"\\ud800\"".to_owned(),
        "7".to_owned(),
        String::new(),
    ];
    for (policy, method, path) in WITH_BODY {
        for body in &bodies {
            let answer = site.send(policy, method, path, &[], body);
            let start: String = body.chars().take(20).collect();
            assert_eq!(answer.status, 400, "{method} {path} {start}");
            assert!(
                answer.json.is_object(),
                "{method} {path} {start}: {}",
                answer.json
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_deeper_than_a_twin_holds_are_refused_by_name() {
    let site = Site::start().await;
    site.register("t-1");
    for (levels, words) in [(100, "deeper than 10"), (100_000, "recursion limit")] {
        let deep = "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
        let patch = format!("{{\"properties\":{{\"desired\":{deep}}}}}");
        let answer = site.send(OWNER, "PATCH", "/twins/t-1", &[], &patch);
        assert_eq!(answer.status, 400);
        let told = answer.json.to_string();
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_names_nothing_is_answered_with_4xx() {
    let site = Site::start().await;
    let long = format!("/devices/{}", "x".repeat(20_000));
    for path in [
        "/devices/%FF",
        "/devices/%00",
        "/twins/%2e%2e%2f%2e%2e",
        "/twins/%25",
        "/devices/%F0%9F%92%A9",
        "//",
        "/devices/",
        &long,
        "/api/events?since=-1",
        "/api/events?since=99999999999999999999999",
        "/api/events?last=%FF",
    ] {
        let answer = site.get(OWNER, path);
        assert!(
            (400..500).contains(&answer.status),
            "{path}: {}",
            answer.status
        );
    }
}
