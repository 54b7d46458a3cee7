//! A client of the service API of the running cloud.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use cloud::{
    dir::{CloudDir, DirError, Running},
    policies::Policies,
    sas,
};
use jiff::{SignedDuration, Timestamp};
use rustls::crypto::ring::default_provider;
use serde_json::{Value, json};
use ureq::{
    Agent, Body, BodyReader,
    http::{HeaderValue, Request, Response, StatusCode},
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::{access, command_error::CommandError, problem, service_environment::policy_key};

/// Short, because the cloud is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a response, in bytes: larger than any list of the cloud.
const MAX_RESPONSE_SIZE: u64 = 64 * 1024 * 1024;
const API_VERSION: &str = "2021-04-12";
/// The header with the token of the next page.
const CONTINUATION: &str = "x-ms-continuation";

/// The shared access policy of a request: the one with the fewest rights that suffice.
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

    /// Returns the lifetime of a token. A session of the console ends with the owner's token that asked for its link.
    fn token_lifetime(self) -> SignedDuration {
        match self {
            Self::Owner => SignedDuration::from_hours(30 * 24),
            _ => SignedDuration::from_hours(1),
        }
    }
}

/// A client of the running cloud.
pub(crate) struct Client {
    running: Running,
    dir: CloudDir,
    certificate: PathBuf,
    policies: Policies,
    agent: Agent,
}

/// The result of a query.
#[derive(Default)]
pub(crate) struct QueryResult {
    /// The rows.
    pub(crate) rows: Vec<Value>,
    /// True if each row is a whole twin.
    pub(crate) are_twins: bool,
}

impl Client {
    /// Makes a client of the cloud that runs in `dir`.
    pub(crate) fn of(dir: &CloudDir) -> Result<Self, CommandError> {
        let running = access::running(dir)?;
        let certificate = dir.certificate();
        let pem = std::fs::read(&certificate).map_err(|source| DirError::File {
            path: certificate.clone(),
            source,
        })?;
        let root = Certificate::from_pem(&pem).map_err(CommandError::settings)?;
        Ok(Self {
            running,
            dir: dir.clone(),
            certificate,
            policies: dir.policies()?,
            agent: agent(&root),
        })
    }

    /// Returns the addresses of the cloud.
    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    /// Returns the directory of the cloud.
    pub(crate) fn dir(&self) -> &CloudDir {
        &self.dir
    }

    /// Returns the file with the CA certificate.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Returns the shared access policies.
    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Sends a GET request, and returns the JSON of the response.
    pub(crate) fn get(&self, policy: Policy, path: &str) -> Result<Value, CommandError> {
        let request = self.request(policy, "GET", path)?;
        self.exchange(request.body(Vec::new()))
    }

    /// Sends a GET request, and returns the JSON of the response; `None` if there is no such thing.
    pub(crate) fn find(&self, policy: Policy, path: &str) -> Result<Option<Value>, CommandError> {
        let request = self.request(policy, "GET", path)?.body(Vec::new());
        let response = self.agent.run(request.map_err(CommandError::request)?);
        match &response {
            Ok(response) if response.status() == StatusCode::NOT_FOUND => Ok(None),
            _ => self.json(self.check(response)?).map(Some),
        }
    }

    /// Sends a GET request, and returns the response as text.
    pub(crate) fn get_text(&self, policy: Policy, path: &str) -> Result<String, CommandError> {
        let request = self.request(policy, "GET", path)?.body(Vec::new());
        self.exchange_text(request)
    }

    /// Sends a request with JSON text, and returns the response as text.
    pub(crate) fn send_text(
        &self,
        policy: Policy,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<String, CommandError> {
        let request = self
            .request(policy, method, path)?
            .header("content-type", "application/json");
        self.exchange_text(request.body(body.into_bytes()))
    }

    /// Replaces the device identity at `path`, whatever its etag.
    pub(crate) fn update(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        let request = self
            .request(Policy::RegistryWrite, "PUT", path)?
            .header("content-type", "application/json")
            .header("if-match", "*");
        self.exchange(request.body(body.to_string().into_bytes()))
    }

    /// Sends a request with a JSON body, and returns the JSON of the response.
    pub(crate) fn send(
        &self,
        policy: Policy,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, CommandError> {
        let request = self
            .request(policy, method, path)?
            .header("content-type", "application/json");
        self.exchange(request.body(body.to_string().into_bytes()))
    }

    /// Runs a query, and collects all pages.
    pub(crate) fn query(&self, query: &str) -> Result<QueryResult, CommandError> {
        let mut result = QueryResult::default();
        let mut next = None;
        loop {
            let mut response = self.page(query, next.as_ref())?;
            next = response.headers_mut().remove(CONTINUATION);
            let item_type = response.headers().get("x-ms-item-type");
            result.are_twins = item_type.is_some_and(|rows| rows == "Twin");
            if let Value::Array(page) = self.json(response)? {
                result.rows.extend(page);
            }
            if next.is_none() {
                return Ok(result);
            }
        }
    }

    fn page(
        &self,
        query: &str,
        next: Option<&HeaderValue>,
    ) -> Result<Response<Body>, CommandError> {
        let mut request = self
            .request(Policy::RegistryRead, "POST", "/devices/query")?
            .header("x-ms-max-item-count", "1000");
        if let Some(token) = next {
            request = request.header(CONTINUATION, token);
        }
        let body = json!({"query": query}).to_string().into_bytes();
        let request = request.body(body).map_err(CommandError::request)?;
        self.check(self.agent.run(request))
    }

    /// Sends a DELETE request, and returns the JSON of the response.
    pub(crate) fn delete(&self, policy: Policy, path: &str) -> Result<Value, CommandError> {
        let request = self.request(policy, "DELETE", path)?;
        self.exchange(request.body(Vec::new()))
    }

    /// Opens the stream at `path`, which ends after `limit`.
    pub(crate) fn stream(
        &self,
        policy: Policy,
        path: &str,
        limit: Option<Duration>,
    ) -> Result<BufReader<BodyReader<'static>>, CommandError> {
        let request = self.request(policy, "GET", path)?.body(Vec::new());
        let request = request.map_err(CommandError::request)?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_recv_body(limit)
            .build();
        let response = self.check(self.agent.run(request))?;
        Ok(BufReader::new(response.into_body().into_reader()))
    }

    fn request(
        &self,
        policy: Policy,
        method: &str,
        path: &str,
    ) -> Result<ureq::http::request::Builder, CommandError> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let address = self.running.https;
        Ok(Request::builder()
            .method(method)
            .uri(format!(
                "https://{address}{path}{separator}api-version={API_VERSION}"
            ))
            .header("authorization", self.token(policy)?))
    }

    fn token(&self, policy: Policy) -> Result<String, CommandError> {
        let name = policy.name();
        let key = policy_key(&self.policies, name)?;
        let expiry = Timestamp::now() + policy.token_lifetime();
        sas::sign(&self.running.hub_name, key, expiry, Some(name)).map_err(CommandError::settings)
    }

    fn exchange(
        &self,
        request: ureq::http::Result<Request<Vec<u8>>>,
    ) -> Result<Value, CommandError> {
        let request = request.map_err(CommandError::request)?;
        let response = self.check(self.agent.run(request))?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        self.json(response)
    }

    fn exchange_text(
        &self,
        request: ureq::http::Result<Request<Vec<u8>>>,
    ) -> Result<String, CommandError> {
        let request = request.map_err(CommandError::request)?;
        let mut response = self.check(self.agent.run(request))?;
        let body = response.body_mut().with_config().limit(MAX_RESPONSE_SIZE);
        body.read_to_string()
            .map_err(|error| self.unreachable(&error))
    }

    fn json(&self, mut response: Response<Body>) -> Result<Value, CommandError> {
        let body = response.body_mut().with_config().limit(MAX_RESPONSE_SIZE);
        body.read_json().map_err(|error| self.unreachable(&error))
    }

    /// Converts an error response to an error.
    fn check(
        &self,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, CommandError> {
        let response = response.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(problem::error_of(response))
    }

    fn unreachable(&self, error: &ureq::Error) -> CommandError {
        CommandError::request(format!(
            "cannot reach the cloud (process {}) at {}: {error}",
            self.running.pid, self.running.https
        ))
    }
}

/// Makes an HTTP client that trusts only the CA of the cloud, and uses no proxy: the cloud is on this machine.
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
