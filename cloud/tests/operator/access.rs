use std::{net::TcpStream, time::Duration};

use cloud::sas;
use jiff::Timestamp;
use serde_json::json;

use crate::{
    rest_table::{Endpoint, endpoints},
    site::{OWNER, PROVISIONING, Site},
};

/// A WebSocket client has no token before CONNECT.
const WEBSOCKET: &str = "/$iothub/websocket";

#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_answers_a_policy_that_has_no_right_to_it_whatever_the_body_is() {
    let site = Site::start().await;
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.is_here()) {
        let (method, path) = (&endpoint.method, endpoint.address());
        let other = match endpoint.policy() {
            PROVISIONING => OWNER,
            _ => PROVISIONING,
        };
        for policy in ["device", other] {
            for answer in [
                endpoint.call(&site, policy),
                site.send(policy, method, &path, &[], "{"),
            ] {
                assert_eq!(answer.status, 401, "{method} {path}");
            }
        }
        let answer = endpoint.call(&site, endpoint.policy());
        assert_ne!(answer.status, 401, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_answers_without_a_token() {
    let site = Site::start().await;
    let is_closed = |endpoint: &Endpoint| endpoint.path != WEBSOCKET;
    for endpoint in endpoints().into_iter().filter(is_closed) {
        let (method, path) = (&endpoint.method, endpoint.address());
        let answer = site.send_as_is(method, &path, &[], "{}");
        assert_eq!(answer.status, 401, "{method} {path}");
        assert_eq!(answer.name.as_deref(), Some("IotHubUnauthorizedAccess"));
        if endpoint.policy() == PROVISIONING {
            assert_eq!(answer.json["errorCode"], 401_002, "{method} {path}");
        } else if endpoint.is_here() {
            let message = "ErrorCode:IotHubUnauthorizedAccess;Unauthorized";
            assert_eq!(answer.json["Message"], message, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_read_in_whatever_form_tools_write_it() {
    let site = Site::start().await;
    let token = site.token(OWNER, "localhost");
    let fields = token.strip_prefix("SharedAccessSignature ").unwrap();
    let mut fields: Vec<_> = fields.split('&').map(str::to_owned).collect();
    let status = |fields: &[String]| {
        let token = format!("SharedAccessSignature {}", fields.join("&"));
        let headers = [("authorization", token.as_str())];
        let answer = site.send_as_is("GET", "/devices?api-version=1", &headers, "");
        answer.status
    };
    fields.reverse();
    assert_eq!(status(&fields), 200, "{fields:?}");
    for field in &mut fields {
        let raw = field
            .replace("%2B", "+")
            .replace("%2F", "/")
            .replace("%3D", "=");
        *field = raw;
    }
    assert_eq!(status(&fields), 200, "{fields:?}");
    fields.retain(|field| !field.starts_with("skn="));
    assert_eq!(status(&fields), 401, "{fields:?}");
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
        "localhost/",
        "localhost/devices",
        "127.0.0.1",
    ] {
        assert_eq!(status(resource), 200, "{resource}");
    }
    for resource in [
        "other",
        "localhost.other",
        "/localhost",
        "localhost/device",
        "localhost/devices/t-1",
        "localhost/twins",
    ] {
        assert_eq!(status(resource), 401, "{resource}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_one_device_opens_no_other() {
    let site = Site::start().await;
    for id in ["mine", "mine-2", "other", "AA:BB"] {
        site.register(id);
    }
    let call = |resource: &str, method: &str, path: &str| {
        let token = site.token(OWNER, resource);
        let path = format!("{path}?api-version=1");
        let headers = [("authorization", token.as_str())];
        site.send_as_is(method, &path, &headers, "{}").status
    };
    let mine = "localhost/devices/mine";
    assert_eq!(call(mine, "GET", "/devices/mine"), 200);
    for (method, path) in [
        ("GET", "/devices"),
        ("GET", "/devices/mine-2"),
        ("GET", "/devices/other"),
        ("DELETE", "/devices/other"),
        ("GET", "/twins/mine"),
        ("POST", "/api/console/link"),
    ] {
        assert_eq!(call(mine, method, path), 401, "{method} {path}");
    }
    // Ids with special characters are encoded once or, by .NET, twice.
    for resource in ["localhost/devices/AA:BB", "localhost/devices/AA%3ABB"] {
        assert_eq!(call(resource, "GET", "/devices/AA%3ABB"), 200, "{resource}");
        assert_eq!(call(resource, "GET", "/devices/mine"), 401, "{resource}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_learns_with_its_own_token_what_is_not_supported() {
    let site = Site::start().await;
    site.register("t-1");
    let hub = site.cloud.hub();
    let key = hub.device("t-1").unwrap().keys.primary_key;
    let dps = site.cloud.dps();
    let made = site.call(PROVISIONING, "PUT", "/enrollments/t-1", &json!({}));
    let enrolled = made.json["attestation"]["symmetricKey"]["primaryKey"].clone();
    let registration = format!("{}/registrations/t-1", dps.id_scope());
    let register = format!("/{registration}/register");
    for (method, path, resource, key) in [
        (
            "POST",
            "/devices/t-1/messages/events",
            "localhost/devices/t-1",
            &*key,
        ),
        (
            "GET",
            "/devices/t-1/messages/deviceBound",
            "localhost/devices/t-1",
            &key,
        ),
        ("POST", "/devices/t-1/files", "localhost/devices/t-1", &key),
        ("PUT", &register, &registration, enrolled.as_str().unwrap()),
    ] {
        let status = |resource: &str, key: &str| {
            let expiry = Timestamp::now() + Duration::from_secs(60);
            let token = sas::sign(resource, key, expiry, None).unwrap();
            let path = format!("{path}?api-version=2021-04-12");
            let headers = [("authorization", token.as_str())];
            site.send_as_is(method, &path, &headers, "{}").status
        };
        assert_eq!(status(resource, key), 501, "{path}");
        assert_eq!(status(resource, &sas::random_key()), 401, "{path}");
        assert_eq!(status("localhost/devices/t-2", key), 401, "{path}");
    }
    let answer = site.send_as_is("GET", WEBSOCKET, &[("upgrade", "websocket")], "");
    assert_eq!(answer.status, 501);
    assert!(answer.json.to_string().contains("MQTT over WebSocket"));
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
    let missing = answer("/devices?api-version=");
    assert_eq!(missing.name.as_deref(), Some("InvalidProtocolVersion"));
    let message = "ErrorCode:InvalidProtocolVersion;BadRequest";
    assert_eq!(missing.json["Message"], message);
    assert_eq!(answer("/devices?api-version=2031-01-01").status, 200);
    assert_eq!(answer("/api/faults").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_or_no_json_is_refused() {
    let site = Site::start().await;
    site.register("t-1");
    let large = json!({"tags": {"a": "x".repeat(2 << 20)}}).to_string();
    for (body, status, name) in [
        (large.as_str(), 413, "MessageTooLarge"),
        ("{", 400, "ArgumentInvalid"),
        ("", 400, "ArgumentInvalid"),
        ("\u{fffd}", 400, "ArgumentInvalid"),
    ] {
        let answer = site.send(OWNER, "PATCH", "/twins/t-1", &[], body);
        assert_eq!(
            (answer.status, answer.name.as_deref()),
            (status, Some(name))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_finishes_its_handshake_is_in_nobodys_way() {
    let site = Site::start().await;
    let _idle = [(); 100].map(|()| TcpStream::connect(site.cloud.https_addr()).unwrap());
    assert_eq!(site.get(OWNER, "/devices").status, 200);
}
