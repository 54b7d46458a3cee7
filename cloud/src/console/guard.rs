//! Checks of requests to the console. Any web page can send requests to 127.0.0.1, under any host name that resolves to it.
//! So a request must name the console's own host, and come from the console's own origin.

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;

use super::{Console, SessionHandle};
use crate::clock;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The header with the key of the session.
const KEY: HeaderName = HeaderName::from_static("x-console-key");

/// The security headers of every response.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Adds [`HEADERS`], except those that a response has already.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Rejects requests for another host: DNS rebinding could direct them here.
pub(super) async fn host_header(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let host = text(request.headers(), &HOST);
    if host.is_some_and(|host| console.is_named(host)) {
        return next.run(request).await;
    }
    let message = format!(
        "Unknown host: open the console at http://{}/\n",
        console.address
    );
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

/// Rejects requests that a page of another origin may have sent.
pub(super) async fn same_origin(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    if console.is_same_origin(&request) {
        return next.run(request).await;
    }
    let message =
        "Cross-origin request rejected: the console accepts requests from its own page only.\n";
    (StatusCode::FORBIDDEN, message).into_response()
}

/// The guard of the API.
#[derive(Clone)]
pub(super) struct SessionGuard {
    pub(super) console: Console,
    /// Makes the API's response for a caller without permission to a path.
    pub(super) unauthorized: fn(&str) -> Response,
}

/// Rejects requests without a session, and ends responses with it. SAS tokens are not accepted: they would be sent in the
/// clear.
pub(super) async fn session(
    State(SessionGuard {
        console,
        unauthorized,
    }): State<SessionGuard>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(session) = session_of(&console, request.headers()) else {
        return unauthorized(request.uri().path());
    };
    request.extensions_mut().insert(session.clone());
    let response = next.run(request).await;
    match response.body().size_hint().exact() {
        Some(_) => response,
        None => response.map(|stream| until_ended(stream, session)),
    }
}

/// Ends a stream with the session.
fn until_ended(stream: Body, session: SessionHandle) -> Body {
    let ended = Box::pin(session.ended(clock::now()));
    Body::from_stream(stream.into_data_stream().take_until(ended))
}

/// Returns the valid session whose cookie and key the headers contain.
fn session_of(console: &Console, headers: &HeaderMap) -> Option<SessionHandle> {
    let key = text(headers, &KEY)?;
    let now = clock::now();
    cookies(console, headers).find_map(|cookie| console.sessions.authenticate(cookie, key, now))
}

/// Returns true if the headers contain the cookie of a valid session.
pub(super) fn has_cookie(console: &Console, headers: &HeaderMap) -> bool {
    cookies(console, headers).any(|cookie| console.sessions.has_cookie(cookie, clock::now()))
}

/// Returns the values of all cookies with the name of this console's.
fn cookies<'a>(console: &Console, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    let name = console.cookie();
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter_map(move |(key, value)| (key == name).then_some(value))
}

impl Console {
    /// Returns true if host and port are those of this listener.
    fn is_named(&self, host: &str) -> bool {
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        let is_here = name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost");
        is_here && port == self.address.port().to_string()
    }

    /// Checks `Origin` and `Sec-Fetch-Site`, which pages cannot set. A request with neither is not from a current browser and
    /// may only read, as may one without a page behind it.
    fn is_same_origin(&self, request: &Request) -> bool {
        let headers = request.headers();
        let reads = request.method().is_safe();
        if let Some(origin) = headers.get(ORIGIN) {
            let origin = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.strip_prefix("http://"));
            return origin.is_some_and(|origin| self.is_named(origin));
        }
        match headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
            Some(site) => site == b"same-origin" || reads && site == b"none",
            None => reads,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
