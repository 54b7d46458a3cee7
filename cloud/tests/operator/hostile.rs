//! Requests that cannot be meant: each is answered, with 4xx.

use serde_json::{Value, json};

use crate::site::{OWNER, PROVISIONING, Site};

/// Every endpoint that takes a body.
const WITH_BODY: [(&str, &str, &str); 9] = [
    (OWNER, "PUT", "/devices/t-1"),
    (OWNER, "PATCH", "/twins/t-1"),
    (OWNER, "PUT", "/twins/t-1"),
    (OWNER, "POST", "/twins/t-1/methods"),
    (OWNER, "PATCH", "/digitaltwins/t-1"),
    (PROVISIONING, "PUT", "/enrollments/t-1"),
    (PROVISIONING, "PUT", "/enrollmentGroups/t-1"),
    (OWNER, "POST", "/api/devices/t-1/messages"),
    (OWNER, "POST", "/api/faults"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_is_answered_with_4xx() {
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
            let status = if body.len() > 1 << 20 { 413 } else { 400 };
            assert_eq!(answer.status, status, "{method} {path} {start}");
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
    for (levels, words) in [
        (90, "deeper than 10\""),
        (110, "deeper than 100"),
        (100_000, "deeper than 127"),
    ] {
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
        "/devices//",
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
        assert!(
            answer.json.is_object() || path.len() > 1000,
            "{path}: {}",
            answer.json
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_no_text_is_refused_in_azures_shape() {
    let site = Site::start().await;
    for (method, path) in [
        ("POST", "/devices/%FF"),
        ("GET", "/devices/%FF"),
        ("POST", "/api/devices/%FF/messages"),
        ("POST", "/digitaltwins/%FF/commands/a"),
    ] {
        let answer = site.call(OWNER, method, path, &json!({}));
        let had = (answer.status, answer.name.as_deref());
        assert_eq!(had, (400, Some("ArgumentInvalid")), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_keys_that_azure_reserves_are_refused_by_name() {
    let site = Site::start().await;
    site.register("t-1");
    let desired = |properties: Value| json!({"properties": {"desired": properties}});
    let long = format!("/devices/{}", "x".repeat(129));
    for (policy, method, path, body) in [
        (OWNER, "PUT", "/devices/a%20b", json!({})),
        (OWNER, "PUT", "/devices/a%22b", json!({})),
        (OWNER, "PUT", "/devices/a%C3%A9", json!({})),
        (OWNER, "PUT", &long, json!({})),
        (PROVISIONING, "PUT", "/enrollments/a%20b", json!({})),
        (PROVISIONING, "PUT", "/enrollmentGroups/a%3Cb", json!({})),
        (OWNER, "PUT", "/devices/t-2", json!({"deviceId": "t-3"})),
        (
            OWNER,
            "PUT",
            "/devices/t-2",
            json!({"authentication": {"symmetricKey": {"primaryKey": "?"}}}),
        ),
        (OWNER, "PATCH", "/twins/t-1", desired(json!({"a.b": 1}))),
        (
            OWNER,
            "PATCH",
            "/twins/t-1",
            desired(json!({"a": {"$b": 1}})),
        ),
        (OWNER, "PATCH", "/twins/t-1", desired(json!({"a b": 1}))),
        (OWNER, "PATCH", "/twins/t-1", desired(json!({"": 1}))),
        (OWNER, "PATCH", "/twins/t-1", json!({"tags": {"a\u{1}": 1}})),
        (OWNER, "PATCH", "/twins/t-1", json!({"tags": [1]})),
        (
            OWNER,
            "POST",
            "/twins/t-1/methods",
            json!({"methodName": "a/b"}),
        ),
        (
            OWNER,
            "POST",
            "/twins/t-1/methods",
            json!({"methodName": ""}),
        ),
        (OWNER, "POST", "/digitaltwins/t-1/commands/a%23", json!({})),
    ] {
        let answer = site.call(policy, method, path, &body);
        let had = (answer.status, answer.name.as_deref());
        assert_eq!(
            had,
            (400, Some("ArgumentInvalid")),
            "{method} {path} {body}"
        );
    }
    assert_eq!(
        site.get(OWNER, "/devices").json.as_array().unwrap().len(),
        1
    );
    assert_eq!(site.get(OWNER, "/twins/t-1").json["version"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_does_not_grow_beyond_its_limits() {
    let site = Site::start().await;
    site.register("t-1");
    let texts = |count| -> Value {
        let text = |n: usize| (n.to_string(), "x".repeat(4000).into());
        Value::Object((0..count).map(text).collect())
    };
    for (fits, patch) in [
        (true, json!({"tags": texts(2)})),
        (false, json!({"tags": texts(3)})),
        (true, json!({"properties": {"desired": texts(8)}})),
        (false, json!({"properties": {"desired": texts(9)}})),
        (
            false,
            json!({"properties": {"desired": {"a": "x".repeat(5000)}}}),
        ),
    ] {
        let answer = site.call(OWNER, "PATCH", "/twins/t-1", &patch);
        let expected = if fits {
            (200, None)
        } else {
            (400, Some("ArgumentInvalid"))
        };
        assert_eq!((answer.status, answer.name.as_deref()), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_azure_that_is_not_here_says_so() {
    let site = Site::start().await;
    for (policy, path, body) in [
        (
            OWNER,
            "/devices/t-1",
            json!({"authentication": {"type": "selfSigned"}}),
        ),
        (
            OWNER,
            "/devices/t-1",
            json!({"authentication": {"type": "certificateAuthority"}}),
        ),
        (
            OWNER,
            "/devices/t-1",
            json!({"capabilities": {"iotEdge": true}}),
        ),
        (
            PROVISIONING,
            "/enrollments/t-1",
            json!({"attestation": {"type": "x509"}}),
        ),
        (
            PROVISIONING,
            "/enrollments/t-1",
            json!({"attestation": {"type": "tpm"}}),
        ),
        (
            PROVISIONING,
            "/enrollmentGroups/t-1",
            json!({"allocationPolicy": "custom"}),
        ),
    ] {
        let answer = site.call(policy, "PUT", path, &body);
        assert_eq!(
            (answer.status, answer.name.as_deref()),
            (501, Some("NotSupported"))
        );
        let told = answer.json.to_string();
        assert!(
            told.contains("supported by Azure, not by the local cloud"),
            "{told}"
        );
    }
}
