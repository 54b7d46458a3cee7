//! Requests to the running cloud, as any operator's tool makes them.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloud::dir::{CloudDir, DirError, Policies, Running};
use cloud::sas;
use jiff::{Timestamp, ToSpan};
use rustls::crypto::ring::default_provider;
use serde_json::{Value, json};
use ureq::http::{HeaderValue, Request, Response, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, BodyReader};

use super::failure::Failure;
use super::problem;
use super::service_environment::policy_key;

/// The cloud is on this machine: it answers at once or it is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Larger than everything there is to get.
const ANSWER_LIMIT: u64 = 64 * 1024 * 1024;
const API_VERSION: &str = "2021-04-12";
/// Where an answer that comes in pages goes on.
const CONTINUATION: &str = "x-ms-continuation";

/// The right a request needs, under the name of Azure's policy that gives it and little else.
#[derive(Clone, Copy)]
pub(crate) enum Policy {
    Owner,
    RegistryRead,
    RegistryWrite,
    Service,
    Provisioning,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Owner => "iothubowner",
            Self::RegistryRead => "registryRead",
            Self::RegistryWrite => "registryReadWrite",
            Self::Service => "service",
            Self::Provisioning => "provisioningserviceowner",
        }
    }
}

/// The running cloud.
pub(crate) struct Client {
    running: Running,
    certificate: PathBuf,
    policies: Policies,
    agent: Agent,
}

/// The answer to a query.
#[derive(Default)]
pub(crate) struct Answer {
    /// Its rows.
    pub(crate) rows: Vec<Value>,
    /// Whether they are whole twins.
    pub(crate) are_twins: bool,
}

impl Client {
    /// Finds the cloud that runs in `dir`.
    pub(crate) fn of(dir: &CloudDir) -> Result<Self, Failure> {
        let running = dir.running()?;
        let certificate = dir.certificate();
        let pem = std::fs::read(&certificate).map_err(|source| DirError::File {
            path: certificate.clone(),
            source,
        })?;
        let root = Certificate::from_pem(&pem).map_err(Failure::settings)?;
        Ok(Self {
            running,
            certificate,
            policies: dir.policies()?,
            agent: agent(&root),
        })
    }

    /// Where the cloud is.
    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    /// The file clients are to trust.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The keys of operators.
    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The JSON of `path`.
    pub(crate) fn get(&self, policy: Policy, path: &str) -> Result<Value, Failure> {
        let request = self.request(policy, "GET", path)?;
        self.answer(request.body(Vec::new()))
    }

    /// What the cloud answers to `body`.
    pub(crate) fn send(
        &self,
        policy: Policy,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        let request = self
            .request(policy, method, path)?
            .header("content-type", "application/json");
        self.answer(request.body(body.to_string().into_bytes()))
    }

    /// What a query is answered with, page after page.
    pub(crate) fn query(&self, query: &str) -> Result<Answer, Failure> {
        let mut answer = Answer::default();
        let mut next = None;
        loop {
            let mut response = self.page(query, next.as_ref())?;
            next = response.headers_mut().remove(CONTINUATION);
            let item_type = response.headers().get("x-ms-item-type");
            answer.are_twins = item_type.is_some_and(|rows| rows == "Twin");
            if let Value::Array(page) = self.json(response)? {
                answer.rows.extend(page);
            }
            if next.is_none() {
                return Ok(answer);
            }
        }
    }

    fn page(&self, query: &str, next: Option<&HeaderValue>) -> Result<Response<Body>, Failure> {
        let mut request = self
            .request(Policy::RegistryRead, "POST", "/devices/query")?
            .header("x-ms-max-item-count", "1000");
        if let Some(token) = next {
            request = request.header(CONTINUATION, token);
        }
        let body = json!({"query": query}).to_string().into_bytes();
        let request = request.body(body).map_err(Failure::request)?;
        self.accepted(self.agent.run(request))
    }

    /// What the cloud answers when `path` is to go.
    pub(crate) fn delete(&self, policy: Policy, path: &str) -> Result<Value, Failure> {
        let request = self.request(policy, "DELETE", path)?;
        self.answer(request.body(Vec::new()))
    }

    /// The stream at `path`, which ends after `limit`.
    pub(crate) fn stream(
        &self,
        policy: Policy,
        path: &str,
        limit: Option<Duration>,
    ) -> Result<BufReader<BodyReader<'static>>, Failure> {
        let request = self.request(policy, "GET", path)?.body(Vec::new());
        let request = request.map_err(Failure::request)?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_recv_body(limit)
            .build();
        let response = self.accepted(self.agent.run(request))?;
        Ok(BufReader::new(response.into_body().into_reader()))
    }

    fn request(
        &self,
        policy: Policy,
        method: &str,
        path: &str,
    ) -> Result<ureq::http::request::Builder, Failure> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let address = self.running.https;
        Ok(Request::builder()
            .method(method)
            .uri(format!(
                "https://{address}{path}{separator}api-version={API_VERSION}"
            ))
            .header("authorization", self.token(policy)?))
    }

    fn token(&self, policy: Policy) -> Result<String, Failure> {
        let name = policy.name();
        let key = policy_key(&self.policies, name)?;
        let expiry = Timestamp::now() + 1.hour();
        sas::sign(&self.running.hub_name, key, expiry, Some(name)).map_err(Failure::settings)
    }

    fn answer(&self, request: ureq::http::Result<Request<Vec<u8>>>) -> Result<Value, Failure> {
        let request = request.map_err(Failure::request)?;
        let response = self.accepted(self.agent.run(request))?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        self.json(response)
    }

    fn json(&self, mut response: Response<Body>) -> Result<Value, Failure> {
        let body = response.body_mut().with_config().limit(ANSWER_LIMIT);
        body.read_json().map_err(|error| self.unreachable(&error))
    }

    fn accepted(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, Failure> {
        let response = answer.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(problem::of(response))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::request(format!(
            "the cloud (process {}) does not answer at {}: {error}",
            self.running.pid, self.running.https
        ))
    }
}

/// Trusts the cloud's own authority alone, and goes through no proxy: the cloud is on this machine.
fn agent(root: &Certificate<'static>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(std::slice::from_ref(root)))
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .build()
        .into()
}
