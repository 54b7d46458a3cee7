use std::net::TcpStream;
use std::time::Duration;

use cloud::sas;
use jiff::Timestamp;
use serde_json::json;

use crate::site::{OWNER, PROVISIONING, Site};

/// Every endpoint, and a policy that may use it.
const ENDPOINTS: [(&str, &str, &str); 25] = [
    ("GET", "/devices", "registryRead"),
    ("GET", "/devices/x", "registryRead"),
    ("PUT", "/devices/x", "registryReadWrite"),
    ("DELETE", "/devices/x", "registryReadWrite"),
    ("GET", "/twins/x", "service"),
    ("PATCH", "/twins/x", "service"),
    ("PUT", "/twins/x", "service"),
    ("POST", "/twins/x/methods", "service"),
    ("GET", "/enrollments/x", PROVISIONING),
    ("PUT", "/enrollments/x", PROVISIONING),
    ("DELETE", "/enrollments/x", PROVISIONING),
    ("GET", "/enrollmentGroups/x", PROVISIONING),
    ("PUT", "/enrollmentGroups/x", PROVISIONING),
    ("DELETE", "/enrollmentGroups/x", PROVISIONING),
    ("GET", "/registrations/x", PROVISIONING),
    ("DELETE", "/registrations/x", PROVISIONING),
    ("GET", "/api/events?follow=false", "service"),
    ("POST", "/api/devices/x/messages", "service"),
    ("GET", "/api/faults", "service"),
    ("POST", "/api/faults", "service"),
    ("GET", "/devices?top=1", "registryRead"),
    ("POST", "/devices", "registryReadWrite"),
    ("POST", "/devices/query", "registryRead"),
    ("GET", "/statistics/devices", "registryRead"),
    ("GET", "/statistics/service", "service"),
];

/// A body every endpoint takes.
const BODY: &str = r#"{"methodName": "m", "text": ""}"#;

fn body(path: &str) -> &'static str {
    match path {
        "/api/faults" => "{}",
        "/devices" => r#"[{"id": "x"}]"#,
        "/devices/query" => r#"{"query": "SELECT * FROM devices"}"#,
        _ => BODY,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_answers_a_policy_that_has_no_right_to_it() {
    let site = Site::start().await;
    for (method, path, policy) in ENDPOINTS {
        let answer = |policy| site.send(policy, method, path, &[], body(path));
        assert_eq!(answer("device").status, 401, "{method} {path}");
        let other = match policy {
            PROVISIONING => OWNER,
            _ => PROVISIONING,
        };
        assert_eq!(answer(other).status, 401, "{method} {path}");
        assert_ne!(answer(policy).status, 401, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_answers_without_a_token() {
    let site = Site::start().await;
    for (method, path, _) in ENDPOINTS {
        let answer = site.send_as_is(method, path, &[], BODY);
        assert_eq!(answer.status, 401, "{method} {path}");
        assert_eq!(answer.name.as_deref(), Some("IotHubUnauthorizedAccess"));
        let message = answer.json["Message"].as_str().unwrap();
        assert_eq!(message, "ErrorCode:IotHubUnauthorizedAccess;Unauthorized");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_for_the_host_or_anything_below_it_and_for_no_other() {
    let site = Site::start().await;
    let status = |resource: &str| {
        let token = site.token(OWNER, resource);
        let headers = [("authorization", token.as_str())];
        let answer = site.send_as_is("GET", "/devices?api-version=1", &headers, "");
        answer.status
    };
    for resource in [
        "localhost",
        "LOCALHOST:8443",
        "localhost/devices",
        "127.0.0.1",
    ] {
        assert_eq!(status(resource), 200, "{resource}");
    }
    for resource in ["other", "localhost.other", "/localhost"] {
        assert_eq!(status(resource), 401, "{resource}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expired_or_was_signed_with_another_key_is_refused() {
    let site = Site::start().await;
    let status = |key: &str, expiry: Timestamp| {
        let token = sas::sign("localhost", key, expiry, Some(OWNER)).unwrap();
        let headers = [("authorization", token.as_str())];
        site.send_as_is("GET", "/devices?api-version=1", &headers, "")
            .status
    };
    let keys = site.policies.keys(OWNER).unwrap();
    let later = Timestamp::now() + Duration::from_secs(60);
    assert_eq!(status(&keys.secondary_key, later), 200);
    assert_eq!(status(&keys.primary_key, Timestamp::now()), 401);
    assert_eq!(status(&sas::random_key(), later), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn azures_endpoints_want_an_api_version_and_our_own_do_not() {
    let site = Site::start().await;
    let token = site.token(OWNER, "localhost");
    let answer = |path| site.send_as_is("GET", path, &[("authorization", &token)], "");
    assert_eq!(answer("/devices").status, 400);
    assert_eq!(
        answer("/devices?api-version=").name.as_deref(),
        Some("ArgumentInvalid")
    );
    assert_eq!(answer("/devices?api-version=2031-01-01").status, 200);
    assert_eq!(answer("/api/faults").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_or_no_json_is_refused() {
    let site = Site::start().await;
    site.register("t-1");
    let large = json!({"tags": {"a": "x".repeat(2 << 20)}}).to_string();
    for body in [large.as_str(), "{", "", "\u{fffd}"] {
        let answer = site.send(OWNER, "PATCH", "/twins/t-1", &[], body);
        assert_eq!(answer.status, 400);
        assert_eq!(answer.name.as_deref(), Some("ArgumentInvalid"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_finishes_its_handshake_is_in_nobodys_way() {
    let site = Site::start().await;
    let _idle = [(); 100].map(|()| TcpStream::connect(site.cloud.https_addr()).unwrap());
    assert_eq!(site.get(OWNER, "/devices").status, 200);
}
