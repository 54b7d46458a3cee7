//! The console's listener, as a browser meets it, and as a page that means harm does.

use rustix::process::Signal;

use crate::{
    browser::{Browser, DEVICES, exchange},
    process::Service,
    site::{OWNER, Site},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once_and_leads_away_from_its_token() {
    let site = Site::start().await;
    let link = site.cloud.console().link();
    let mut first = Browser::new(&site);
    let reply = first.open(&link);
    assert_eq!(reply.status, 303);
    let page = reply.header("location").unwrap();
    assert!(page.starts_with("/console/#key="), "{page}");
    let cookie = reply.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(first.get(DEVICES).status, 200);

    let mut second = Browser::new(&site);
    let reply = second.open(&link);
    assert_eq!(reply.status, 403);
    assert!(
        reply.body.contains("Sign-in link not valid"),
        "{}",
        reply.body
    );
    assert_eq!(reply.header("set-cookie"), None);
    assert_eq!(second.get(DEVICES).status, 401);

    let again = first.open(&link);
    assert_eq!(again.status, 303, "who is signed in needs no link");
    assert_eq!(again.header("location"), Some("/console/"));
    assert_eq!(first.get(DEVICES).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_look_whether_a_link_is_there_does_not_use_it_up() {
    let site = Site::start().await;
    let link = site.cloud.console().link();
    let mut browser = Browser::new(&site);
    let path = link.split_once("/console/").unwrap().1;
    browser.send("HEAD", &format!("/console/{path}"), &[], "");
    assert_eq!(browser.open(&link).status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_made_up_is_answered_in_words() {
    let site = Site::start().await;
    for token in [
        "",
        "?token=",
        "?token=0",
        "?token=%FF",
        "?other=1",
        "?token=%3Cscript%3E",
    ] {
        let reply = Browser::new(&site).get(&format!("/console/sign-in{token}"));
        assert_eq!(reply.status, 403, "{token}");
        assert!(reply.body.contains("cloud console"), "{}", reply.body);
        assert!(!reply.body.contains("<script>"), "{}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_to_who_has_not_signed_in_not_even_with_a_token() {
    let site = Site::start().await;
    let token = site.token(OWNER, "localhost");
    let browser = Browser::new(&site);
    for path in [DEVICES, "/api/events?follow=false", "/nowhere"] {
        let reply = browser.send("GET", path, &[("authorization", &token)], "");
        assert_eq!(reply.status, 401, "{path}");
        assert!(reply.json().is_object(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_signed_in_may_do_everything_the_api_offers() {
    let site = Site::start().await;
    let browser = Browser::signed_in(&site);
    let own = ("origin", &*format!("http://{}", browser.console));
    let query = "api-version=2021-04-12";
    for path in ["/devices/t-1", "/enrollments/t-1"] {
        let body = r#"{"deviceId": "t-1", "registrationId": "t-1", "attestation": {"type": "symmetricKey"}}"#;
        let reply = browser.send("PUT", &format!("{path}?{query}"), &[own], body);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    }
    assert_eq!(browser.get(&format!("/twins/t-1?{query}")).status, 200);
    assert_eq!(browser.get("/api/events?follow=false").status, 200);
    let reply = browser.send("DELETE", &format!("/devices/t-1?{query}"), &[own], "");
    assert_eq!(reply.status, 204);
    let trace = browser.get("/api/trace?follow=false&format=ndjson");
    let from_console = trace.body.matches("\"console\":true").count();
    assert_eq!(from_console, 4, "{}", trace.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_another_name_is_refused_whatever_it_asks_for() {
    let site = Site::start().await;
    let browser = Browser::signed_in(&site);
    let port = browser.console.port();
    for host in [
        format!("localhost:{port}"),
        format!("LOCALHOST:{port}"),
        format!("127.0.0.1:{port}"),
    ] {
        assert_eq!(
            browser.send("GET", DEVICES, &[("host", &host)], "").status,
            200,
            "{host}"
        );
    }
    for host in [
        "localhost".to_owned(),
        "127.0.0.1:1".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.2:{port}"),
        format!("[::1]:{port}"),
        String::new(),
    ] {
        for path in [DEVICES, "/", "/console/", "/console/sign-in?token=1"] {
            let reply = browser.send("GET", path, &[("host", &host)], "");
            assert_eq!(reply.status, 421, "{host} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_from_another_page_is_refused() {
    let site = Site::start().await;
    let browser = Browser::signed_in(&site);
    let own = format!("http://{}", browser.console);
    let status = |method, headers: &[(&str, &str)]| {
        browser
            .send(method, "/api/faults", headers, r#"{"oneShot": "reset"}"#)
            .status
    };
    for headers in [
        [("origin", own.as_str())],
        [("sec-fetch-site", "same-origin")],
    ] {
        assert_ne!(status("POST", &headers), 403, "{headers:?}");
        assert_eq!(status("GET", &headers), 200, "{headers:?}");
    }
    assert_eq!(status("GET", &[("sec-fetch-site", "none")]), 200);
    assert_eq!(status("GET", &[]), 200);
    assert_eq!(status("POST", &[]), 403);
    assert_eq!(status("POST", &[("sec-fetch-site", "none")]), 403);
    for headers in [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("origin", "http://localhost:1")],
        [("origin", &own.replace("http:", "https:"))],
        [("origin", "")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(status("POST", &headers), 403, "{headers:?}");
        assert_eq!(status("GET", &headers), 403, "{headers:?}");
    }
    // What the browser says of the page's origin counts, whatever else it says.
    let both = [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(status("POST", &both), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_the_browser_to_trust_nothing_else() {
    let site = Site::start().await;
    let browser = Browser::signed_in(&site);
    for path in [
        "/",
        "/console/",
        "/console/plain.css",
        "/console/sign-in",
        DEVICES,
        "/nowhere",
    ] {
        let reply = browser.send("GET", path, &[("host", "evil.example")], "");
        for reply in [reply, browser.get(path)] {
            let policy = reply.header("content-security-policy").unwrap();
            assert!(
                policy.starts_with("default-src 'self';"),
                "{path}: {policy}"
            );
            assert!(!policy.contains("unsafe"), "{path}: {policy}");
            assert!(
                policy.contains("frame-ancestors 'none'"),
                "{path}: {policy}"
            );
            assert_eq!(
                reply.header("x-content-type-options"),
                Some("nosniff"),
                "{path}"
            );
            assert_eq!(
                reply.header("referrer-policy"),
                Some("no-referrer"),
                "{path}"
            );
            assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
        }
    }
    assert_eq!(
        browser.get(DEVICES).header("cache-control"),
        Some("no-store")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_at_every_place_below_its_own() {
    let site = Site::start().await;
    let browser = Browser::new(&site);
    assert_eq!(browser.get("/").header("location"), Some("/console/"));
    let page = browser.get("/console/");
    let kind = page.header("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"));
    for path in [
        "/console/d/t-1/overview",
        "/console/%FF",
        "/console/../devices",
    ] {
        let reply = browser.get(path);
        assert_eq!(
            (reply.status, reply.body),
            (page.status, page.body.clone()),
            "{path}"
        );
    }
    let Some(etag) = page.header("etag") else {
        assert!(
            page.body.contains("built without the console"),
            "{}",
            page.body
        );
        return;
    };
    let again = browser.send("GET", "/console/", &[("if-none-match", etag)], "");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_for_who_owns_the_hub() {
    let site = Site::start().await;
    let path = "/api/console/link";
    for policy in [
        "service",
        "registryReadWrite",
        "device",
        "provisioningserviceowner",
    ] {
        assert_eq!(
            site.send(policy, "POST", path, &[], "").status,
            401,
            "{policy}"
        );
    }
    let answer = site.send(OWNER, "POST", path, &[], "");
    assert_eq!((answer.status, &answer.json["seconds"]), (200, &600.into()));
    let reply = Browser::new(&site).open(answer.json["url"].as_str().unwrap());
    assert_eq!(reply.status, 303);
}

#[test]
fn the_command_prints_a_link_and_the_cloud_one_when_it_starts() {
    let service = Service::start();
    let greeted = service.banner.lines().find_map(|line| {
        let (_, link) = line.split_once("console      ")?;
        Some(link.to_owned())
    });
    let asked = service.shown(&["console"]).trim().to_owned();
    for link in [greeted.unwrap(), asked] {
        let (address, path) = link
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        let request =
            format!("GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        assert_eq!(
            exchange(address.parse().unwrap(), &request).status,
            303,
            "{link}"
        );
    }
    assert_eq!(service.stop(Signal::TERM).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cloud_says_how_a_device_finds_it() {
    let site = Site::start().await;
    let answer = site.get("registryRead", "/api/cloud");
    let hub = format!("localhost:{}", site.cloud.mqtt_addr().port());
    assert_eq!(answer.json["hubName"], hub);
    assert_eq!(answer.json["dpsName"], hub);
    assert_eq!(answer.json["idScope"], "0ne00000A1B");
    assert_eq!(
        answer.json["certificate"],
        site.certificate().to_str().unwrap()
    );
    assert_eq!(answer.json["hostControl"], false);
    assert_eq!(site.get("service", "/api/cloud").status, 401);
    let beside = Site::beside("control".as_ref()).await;
    let answer = beside.get("registryRead", "/api/cloud");
    assert_eq!(answer.json["hostControl"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_comes_with_the_interfaces_it_is_made_of() {
    let site = Site::start().await;
    let model = |id: &str| site.get("registryRead", &format!("/api/models/{id}"));
    let ids = |id: &str| {
        let documents = model(id).json;
        let documents = documents.as_array().unwrap().iter();
        let ids = documents.map(|document| document["@id"].as_str().unwrap().to_owned());
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids
    };
    assert_eq!(
        ids("dtmi:com:example:Thermostat;1"),
        ["dtmi:com:example:Thermostat;1"]
    );
    assert_eq!(
        ids("dtmi:com:example:TemperatureController;1"),
        [
            "dtmi:azure:DeviceManagement:DeviceInformation;1",
            "dtmi:com:example:TemperatureController;1",
            "dtmi:com:example:Thermostat;1",
        ]
    );
    assert_eq!(model("Thermostat").status, 400);
    let unknown = model("dtmi:com:example:Toaster;1");
    assert_eq!(unknown.name.as_deref(), Some("ModelNotFound"));
    assert_eq!(
        unknown.json["message"],
        "interface dtmi:com:example:Toaster;1 not found"
    );
}
