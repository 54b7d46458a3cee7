//! `docs/rest.md` is what the cloud does, and the cloud does nothing else.

use std::{collections::BTreeSet, path::Path};

use cloud::api::{UNSUPPORTED, Unsupported};
use serde_json::{Value, json};

use crate::site::{Answer, OWNER, PROVISIONING, Site};

const METHODS: [&str; 5] = ["GET", "PUT", "POST", "PATCH", "DELETE"];
const CALLS: &str = "$iothub/methods/POST/#";
/// A body almost every endpoint can read.
const BODY: &str = r#"{"methodName": "m", "text": "", "query": "SELECT * FROM devices"}"#;

/// An endpoint of the page.
pub(crate) struct Endpoint {
    pub(crate) method: String,
    /// As documented, with `{names}`.
    pub(crate) path: String,
    kind: Kind,
}

enum Kind {
    /// Served to callers with this permission.
    Served { permission: String },
    /// Answered with 501, which names this feature.
    NotSupported { feature: String },
}

impl Endpoint {
    /// An endpoint served has three cells, one not supported has two.
    fn of(row: &[String]) -> Option<Self> {
        let (method, path) = row.first()?.trim_matches('`').split_once(' ')?;
        METHODS.contains(&method).then_some(())?;
        let kind = match row {
            [_, permission, _] => Kind::Served {
                permission: permission.clone(),
            },
            [_, feature] => Kind::NotSupported {
                feature: feature.clone(),
            },
            _ => return None,
        };
        Some(Self {
            method: method.into(),
            path: path.into(),
            kind,
        })
    }

    pub(crate) fn is_here(&self) -> bool {
        self.missing_feature().is_none()
    }

    fn missing_feature(&self) -> Option<&str> {
        match &self.kind {
            Kind::Served { .. } => None,
            Kind::NotSupported { feature } => Some(feature),
        }
    }

    /// The path with a name that nothing has, as it may be called.
    pub(crate) fn address(&self) -> String {
        let part = |part: &str| match part.starts_with('{') {
            true => "x".to_owned(),
            false => part.to_owned(),
        };
        let parts: Vec<_> = self.path.split('/').map(part).collect();
        let follow = if ["/api/events", "/api/trace"].contains(&&*self.path) {
            "?follow=false"
        } else {
            ""
        };
        let address = parts.join("/") + follow;
        let is_of_model = ["/api/models/", "/api/templates/"];
        match is_of_model.iter().any(|head| self.path.starts_with(head)) {
            true => address.replace("/x", "/dtmi:x;1"),
            false => address,
        }
    }

    /// The least policy that may use it.
    pub(crate) fn policy(&self) -> &'static str {
        let permission = match &self.kind {
            Kind::Served { permission } => permission.as_str(),
            Kind::NotSupported { .. } => "RegistryRead",
        };
        match permission {
            "RegistryRead" => "registryRead",
            "RegistryWrite" => "registryReadWrite",
            "ServiceConnect" => "service",
            "Enrollment" => PROVISIONING,
            "Console" => OWNER,
            other => panic!("{other} is not a permission"),
        }
    }

    pub(crate) fn call(&self, site: &Site, policy: &str) -> Answer {
        let body = match (self.method.as_str(), self.path.as_str()) {
            ("POST", "/devices") => r#"[{"id": "x"}]"#,
            ("POST", "/api/faults") => "{}",
            _ => BODY,
        };
        site.send(policy, &self.method, &self.address(), &[], body)
    }

    fn name(&self) -> (String, String) {
        (self.method.clone(), self.path.clone())
    }
}

/// The cells of every row in the tables of `docs/rest.md`.
fn rows() -> Vec<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("../docs/rest.md")).unwrap();
    let row = |line: &str| -> Option<Vec<String>> {
        let line = line.strip_prefix("| ")?.strip_suffix('|')?;
        Some(line.split('|').map(|cell| cell.trim().to_owned()).collect())
    };
    text.lines().filter_map(row).collect()
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let rows = rows();
    rows.iter().filter_map(|row| Endpoint::of(row)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_of_the_table_answers_as_it_says() {
    let site = Site::start().await;
    let endpoints = endpoints();
    assert!(endpoints.len() > 50, "{} endpoints", endpoints.len());
    for endpoint in endpoints {
        let (method, path) = endpoint.name();
        let answer = endpoint.call(&site, endpoint.policy());
        if let Some(feature) = endpoint.missing_feature() {
            assert_eq!(answer.status, 501, "{method} {path}");
            assert_eq!(answer.name.as_deref(), Some("NotSupported"));
            let body = answer.json.to_string();
            assert!(body.contains(feature), "{method} {path}: {body}");
        } else {
            assert!(
                ![401, 405, 501].contains(&answer.status),
                "{method} {path}: {}",
                answer.status
            );
            assert!(
                answer.status != 404 || answer.name.is_some(),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn what_the_table_calls_missing_is_what_the_cloud_knows_to_be_missing() {
    let known = |entry: Unsupported| {
        let name = move |method: &_| (format!("{method} {}", entry.path), entry.feature.to_owned());
        entry.methods.iter().map(name)
    };
    let known: BTreeSet<_> = UNSUPPORTED.into_iter().flat_map(known).collect();
    let told = endpoints().into_iter().filter_map(|endpoint| {
        let feature = endpoint.missing_feature()?.to_owned();
        Some((format!("{} {}", endpoint.method, endpoint.path), feature))
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_is_missing_in_the_table() {
    let site = Site::start().await;
    let endpoints = endpoints();
    let told: BTreeSet<_> = endpoints.iter().map(Endpoint::name).collect();
    let mut paths = routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api"));
    assert!(paths.len() > 10, "{paths:?}");
    paths.extend(UNSUPPORTED.map(|entry| entry.path.to_owned()));
    for path in paths {
        let address = path.replace(['{', '}'], "");
        for method in METHODS {
            let there = site.status(method, &address, BODY) != 405;
            let told = told.contains(&(method.to_owned(), path.clone()));
            assert_eq!(there, told, "{method} {path}: there, told");
        }
    }
}

/// Every path that stands literally in a `.route("…", …)` of the sources.
fn routes(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap().path();
        if file.is_dir() {
            found.extend(routes(&file));
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let literal = |after: &str| {
            let literal = after.trim_start().strip_prefix('"')?;
            Some(literal.split_once('"')?.0.to_owned())
        };
        found.extend(text.split(".route(").skip(1).filter_map(literal));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_the_table_can_be_had_with_its_status_and_code() {
    let site = Site::start().await;
    let mut refusals = refusals(&site);
    let alone = Site::beside(Path::new("/nowhere")).await;
    refusals.push(alone.get(OWNER, "/api/host"));
    refusals.push(call_that(&site, "leaves").await);
    refusals.push(call_that(&site, "says nothing").await);
    refusals.push(call_that(&site, "mumbles").await);
    let had = refusals.iter().map(|answer| {
        let name = answer.name.clone().unwrap();
        (name, answer.status.to_string(), code(&answer.json))
    });
    let had: Vec<_> = had.collect();
    let told = rows()
        .into_iter()
        .filter(|row| row.len() == 4 && row[0].parse::<u16>().is_ok())
        // It takes a full disk: the end-to-end tests have one.
        .filter(|row| row[2] != "ServiceUnavailable");
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), had.len());
    for row in told {
        let found = had.iter().find(|(name, ..)| *name == row[2]);
        let (name, status, code) = found.unwrap_or_else(|| panic!("{} was not had", row[2]));
        assert_eq!((status, name), (&row[0], &row[2]));
        assert!(
            code.as_ref().is_none_or(|code| *code == row[1]),
            "{name}: {code:?}"
        );
    }
}

/// The code, where the shape of the error has one.
fn code(error: &Value) -> Option<String> {
    let nested = error["Message"].as_str();
    let nested: Value = nested.map_or(Value::Null, |text| {
        serde_json::from_str(text).unwrap_or_default()
    });
    let code = error["errorCode"].as_u64().or(nested["errorCode"].as_u64());
    code.map(|code| code.to_string())
}

/// Every error that needs no device to come about.
fn refusals(site: &Site) -> Vec<Answer> {
    site.register("t-1");
    let token = site.token(OWNER, "localhost");
    let large = json!({"tags": {"a": "x".repeat(2 << 20)}}).to_string();
    let message = || {
        site.call(
            OWNER,
            "POST",
            "/api/devices/t-1/messages",
            &json!({"text": ""}),
        )
    };
    let method = json!({"methodName": "m"});
    let stale = [("if-match", "\"stale\"")];
    vec![
        site.send_as_is("GET", "/devices", &[("authorization", &token)], ""),
        site.send(OWNER, "PATCH", "/twins/t-1", &[], "{"),
        site.send_as_is("GET", "/devices?api-version=1", &[], ""),
        {
            (0..50).for_each(|_| assert_eq!(message().status, 201));
            message()
        },
        site.get(OWNER, "/devices/none"),
        site.call(OWNER, "POST", "/twins/t-1/methods", &method),
        site.get(PROVISIONING, "/enrollments/none"),
        site.get(PROVISIONING, "/registrations/none"),
        site.get(OWNER, "/api/models/dtmi:none;1"),
        site.get(OWNER, "/api/templates/dtmi:none;1"),
        site.get(OWNER, "/api/host"),
        site.call(OWNER, "PUT", "/devices/t-1", &json!({})),
        {
            let enroll = || site.call(PROVISIONING, "PUT", "/enrollments/e-1", &json!({}));
            assert_eq!(enroll().status, 200);
            enroll()
        },
        site.send(OWNER, "PATCH", "/twins/t-1", &stale, "{}"),
        site.send(OWNER, "PATCH", "/twins/t-1", &[], &large),
        site.get(OWNER, "/jobs"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_header_of_an_answer_in_the_table_is_sent() {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe(CALLS).await;
    let answering = tokio::spawn(async move { device.answer_call("1", 200, &json!(2)).await });
    let command = site.send(OWNER, "POST", "/digitaltwins/t-1/commands/m", &[], "1");
    answering.await.unwrap();
    for id in ["e-1", "e-2"] {
        site.call(
            PROVISIONING,
            "PUT",
            &format!("/enrollments/{id}"),
            &json!({}),
        );
    }
    let one = [("x-ms-max-item-count", "1")];
    let patch = r#"[{"op": "add", "path": "/targetTemperature", "value": 1}]"#;
    let answers = [
        command,
        site.get(OWNER, "/devices/none"),
        site.send(OWNER, "PATCH", "/digitaltwins/t-1", &[], patch),
        site.send(PROVISIONING, "POST", "/enrollments/query", &one, BODY),
    ];
    let told = rows()
        .into_iter()
        .filter(|row| row.len() == 3 && ["response", "both"].contains(&&*row[1]));
    let told: Vec<_> = told
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    assert_eq!(told.len(), 7);
    for header in told {
        let sent = answers
            .iter()
            .any(|answer| answer.header(&header).is_some());
        assert!(sent, "{header}");
    }
}

/// What becomes of a call whose device takes it and does this.
async fn call_that(site: &Site, does: &str) -> Answer {
    let mut device = site.device(&does.replace(' ', "-")).await;
    device.subscribe(CALLS).await;
    let leaves = does == "leaves";
    let mumbles = does == "mumbles";
    let taken = tokio::spawn(async move {
        match mumbles {
            true => device.answer_call_with("", 200, "hello").await,
            false => drop(device.message().await),
        }
        (!leaves).then_some(device)
    });
    let path = format!("/twins/{}/methods", does.replace(' ', "-"));
    let method = json!({"methodName": "m", "responseTimeoutInSeconds": 5});
    let answer = site.call(OWNER, "POST", &path, &method);
    drop(taken.await.unwrap());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_it_does_not_do_is_told_in_the_shape_of_asp_net() {
    let site = Site::start().await;
    let nothing = site.get(OWNER, "/nothing/here");
    assert_eq!((nothing.status, nothing.name.as_deref()), (404, None));
    let message = nothing.json["Message"].as_str().unwrap();
    assert!(
        message
            .starts_with("No HTTP resource was found that matches the request URI '/nothing/here")
    );
    let other = site.call(OWNER, "POST", "/twins/x", &json!({}));
    assert_eq!((other.status, other.name.as_deref()), (405, None));
    let message = "The requested resource does not support http method 'POST'.";
    assert_eq!(other.json["Message"], message);
    assert!(other.header("allow").unwrap().contains("PATCH"));
}
