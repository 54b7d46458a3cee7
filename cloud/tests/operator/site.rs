//! A cloud of its own for each test, and an operator's tool to talk to it.

use std::{
    io::{BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use cloud::{
    ca::{Authority, CERTIFICATE_FILE},
    hub::DeviceSpec,
    models::builtin_models,
    policies::Policies,
    sas,
    server::{Cloud, Config},
    store::{Retention, StoreLocation},
    tls::{Certificates, TlsVersions},
};
use dtdl::Models;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use ureq::{
    Agent, Body,
    http::{HeaderMap, Request, Response},
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::device::Device;

pub(crate) const OWNER: &str = "iothubowner";
pub(crate) const PROVISIONING: &str = "provisioningserviceowner";

pub(crate) struct Site {
    pub(crate) cloud: Cloud,
    pub(crate) policies: Policies,
    agent: Agent,
    dir: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    /// The header `iothub-errorcode`.
    pub(crate) name: Option<String>,
    pub(crate) json: Value,
    pub(crate) text: String,
    headers: HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn builtin() -> Models {
    builtin_models().unwrap()
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(StoreLocation::Memory, 1 << 30).await
    }

    /// With a store in this place, which gives way to so many bytes.
    pub(crate) async fn start_with(place: StoreLocation, bytes: u64) -> Self {
        Self::start_whole(place, bytes, None, builtin()).await
    }

    /// Beside a host that has its control socket here.
    pub(crate) async fn beside(socket: &Path) -> Self {
        let socket = Some(socket.to_owned());
        Self::start_whole(StoreLocation::Memory, 1 << 30, socket, builtin()).await
    }

    /// With the models of a directory instead of the built-in ones.
    pub(crate) async fn with_models(directory: &Path) -> Self {
        let models = Models::in_directory(directory);
        Self::start_whole(StoreLocation::Memory, 1 << 30, None, models).await
    }

    async fn start_whole(
        place: StoreLocation,
        bytes: u64,
        host_control: Option<PathBuf>,
        models: Models,
    ) -> Self {
        let dir = TempDir::new().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let policies = Policies::generate();
        let local = "127.0.0.1:0".parse().unwrap();
        let cloud = Cloud::start(Config {
            mqtt: local,
            https: local,
            console: Some(0),
            host_control,
            tls: Certificates::issue(&authority, &names, TlsVersions::Both).unwrap(),
            certificate: dir.path().join(CERTIFICATE_FILE),
            host_names: names.into(),
            id_scope: "0ne00000A1B".into(),
            retry_after: 0,
            policies: policies.clone(),
            store: place,
            retention: Retention {
                age: Duration::from_secs(3600),
                bytes,
            },
            models,
        });
        Self {
            cloud: cloud.await.unwrap(),
            policies,
            agent: agent(&dir.path().join(CERTIFICATE_FILE)),
            dir,
        }
    }

    /// A registered device that has connected.
    pub(crate) async fn device(&self, id: &str) -> Device {
        self.register(id);
        let key = self.cloud.hub().device(id).unwrap().keys.primary_key;
        Device::connect(self.cloud.mqtt_addr(), &self.certificate(), id, &key).await
    }

    pub(crate) fn register(&self, id: &str) {
        let spec = DeviceSpec::new(id);
        self.cloud.hub().create_device(spec).unwrap();
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join(CERTIFICATE_FILE)
    }

    pub(crate) fn token(&self, policy: &str, resource: &str) -> String {
        let key = &self.policies.keys(policy).unwrap().primary_key;
        let expiry = Timestamp::now() + Duration::from_secs(3600);
        sas::sign(resource, key, expiry, Some(policy)).unwrap()
    }

    pub(crate) fn get(&self, policy: &str, path: &str) -> Answer {
        self.send(policy, "GET", path, &[], "")
    }

    pub(crate) fn delete(&self, policy: &str, path: &str) -> Answer {
        self.send(policy, "DELETE", path, &[], "")
    }

    pub(crate) fn call(&self, policy: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.send(policy, method, path, &[], &body.to_string())
    }

    /// Adds the api-version, and the policy's token.
    pub(crate) fn send(
        &self,
        policy: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let token = self.token(policy, "localhost");
        let headers = [&[("authorization", token.as_str())], headers].concat();
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}api-version=2021-04-12");
        self.send_as_is(method, &path, &headers, body)
    }

    pub(crate) fn send_as_is(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut response = self.response(method, path, headers, body);
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let (etag, name) = (header("etag"), header("iothub-errorcode"));
        let text = response.body_mut().read_to_string().unwrap();
        Answer {
            status: response.status().as_u16(),
            etag,
            name,
            headers: response.headers().clone(),
            json: serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone())),
            text,
        }
    }

    /// The status alone, with a token: the answer may have no end.
    pub(crate) fn status(&self, method: &str, path: &str, body: &str) -> u16 {
        let token = self.token(OWNER, "localhost");
        let path = format!("{path}?api-version=2021-04-12");
        let headers = [("authorization", token.as_str())];
        let response = self.response(method, &path, &headers, body);
        response.status().as_u16()
    }

    /// What the events' address answers: its content type and its body, which must end.
    pub(crate) fn export(&self, query: &str, headers: &[(&str, &str)]) -> (String, String) {
        let token = self.token("service", "localhost");
        let headers = [&[("authorization", token.as_str())], headers].concat();
        let path = format!("/api/events?follow=false{query}");
        let mut response = self.response("GET", &path, &headers, "");
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().unwrap();
        (
            kind.to_owned(),
            response.body_mut().read_to_string().unwrap(),
        )
    }

    /// The events' stream.
    pub(crate) fn stream(
        &self,
        query: &str,
        headers: &[(&str, &str)],
    ) -> BufReader<impl Read + use<>> {
        self.follow(&format!("/api/events{query}"), headers)
    }

    /// A stream of server-sent events.
    pub(crate) fn follow(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> BufReader<impl Read + use<>> {
        let token = self.token("service", "localhost");
        let headers = [&[("authorization", token.as_str())], headers].concat();
        let response = self.response("GET", path, &headers, "");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        BufReader::new(response.into_body().into_reader())
    }

    fn response(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Body> {
        let address = self.cloud.https_addr();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{address}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.agent
            .run(request.body(body.to_owned()).unwrap())
            .unwrap()
    }
}

fn agent(certificate: &std::path::Path) -> Agent {
    let pem = std::fs::read(certificate).unwrap();
    let root = Certificate::from_pem(&pem).unwrap();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        // A server that answers before it has read the body closes the connection: it cannot be used again.
        .max_idle_connections(0)
        .tls_config(tls)
        .proxy(None)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        // Only ever reached by a test that fails.
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}
