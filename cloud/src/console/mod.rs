//! The web console, on a listener of its own.
//!
//! The console is a client of the [`api`](crate::api) only. Browsers do not trust the local certificate authority, so it is plain HTTP on
//! 127.0.0.1. It has no policy keys: a session ([`sessions`]) replaces the SAS token, begins with a link ([`links`]) and ends
//! with the credential the link was issued for ([`grant`]). [`guard`] protects it from other web pages.
//!
//! | path | answers |
//! |---|---|
//! | `/console/sign-in?token=…` | a session for a link, once |
//! | `/console/…` | the file of this name, else the page |
//! | any other path | as on the HTTPS listener, with a session |

mod assets;
mod grant;
mod guard;
mod links;
mod secret;
mod sessions;
mod static_pages;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::get,
    serve::ListenerExt,
};
pub(crate) use grant::Grant;
use guard::SessionGuard;
pub use links::LINK_LIFETIME;
use links::SignInLinks;
use serde::Deserialize;
pub(crate) use sessions::SessionHandle;
use sessions::Sessions;
use tokio::{net::TcpListener, sync::watch};
use tracing::warn;

use crate::{
    clock, http_server,
    policies::Policies,
    store::{Store, StoreError},
};

/// The default port.
pub const DEFAULT_PORT: u16 = 8080;

/// The path of the page. All its files are below, apart from the paths of the API.
const HOME: &str = "/console/";

/// The console of a running cloud: its address, links and sessions.
#[derive(Clone)]
pub struct Console {
    address: SocketAddr,
    /// The grant of links that the cloud itself issues.
    own_grant: Grant,
    links: Arc<SignInLinks>,
    sessions: Arc<Sessions>,
}

impl Console {
    /// Opens the console at this address with those sessions of this store that these policies granted.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn open(
        address: SocketAddr,
        store: Store,
        policies: &Policies,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            address,
            own_grant: Grant::of_owner(policies),
            links: Arc::default(),
            sessions: Arc::new(Sessions::open(store, policies)?),
        })
    }

    /// Returns the address of the listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Issues a link, which signs in once within [`LINK_LIFETIME`]. The session ends with the key of the owner's policy.
    pub fn link(&self) -> String {
        self.link_for(self.own_grant.clone())
    }

    /// Issues a link as [`Console::link`] does. The session ends with this grant.
    pub(crate) fn link_for(&self, grant: Grant) -> String {
        let token = self.links.issue(grant, Instant::now());
        format!("http://{}{HOME}sign-in?token={token}", self.address)
    }

    /// Ends a session.
    pub(crate) async fn end_session(&self, session: &SessionHandle) {
        self.sessions.end(session);
        self.sessions.flush().await;
    }

    /// Ends all sessions. Returns their number.
    pub(crate) async fn end_sessions(&self) -> usize {
        let ended = self.sessions.end_all();
        self.sessions.flush().await;
        ended
    }

    /// Returns the name of the session cookie. It contains the port, because browsers share cookies between all ports of a
    /// host: a cloud on another port has another cookie.
    fn cookie(&self) -> String {
        format!("cloud-console-{}", self.address.port())
    }
}

/// Binds this port of 127.0.0.1; without one [`DEFAULT_PORT`], or a free port if that is in use.
///
/// # Errors
/// If the port cannot be listened on.
pub(crate) async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    listen_on(port.unwrap_or(DEFAULT_PORT), port.is_none()).await
}

async fn listen_on(port: u16, or_free: bool) -> anyhow::Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match bind(port).await {
        Err(error) if or_free && error.kind() == io::ErrorKind::AddrInUse => {
            warn!(
                port,
                "default console port in use; taking a free port instead"
            );
            bind(0).await
        }
        listener => listener,
    };
    listener.with_context(|| format!("cannot listen for the console on 127.0.0.1:{port}"))
}

/// The API, which the console serves to requests with a session.
pub(crate) struct Api {
    pub(crate) router: Router,
    /// Makes the response for a caller without permission to a path.
    pub(crate) unauthorized: fn(&str) -> Response,
}

/// Serves the page, and `api` with a session, to so many connections until `shutdown` turns true.
pub(crate) async fn serve(
    listener: TcpListener,
    console: Console,
    api: Api,
    max_connections: usize,
    shutdown: watch::Receiver<bool>,
) {
    let listener = listener.tap_io(|tcp| {
        // Responses are small and complete: waiting for more output only delays them.
        let _ = tcp.set_nodelay(true);
    });
    http_server::serve(listener, router(console, api), max_connections, shutdown).await;
}

fn router(console: Console, api: Api) -> Router {
    let home = || async { Redirect::to(HOME) };
    let session_guard = SessionGuard {
        console: console.clone(),
        unauthorized: api.unauthorized,
    };
    let api = api
        .router
        .layer(from_fn_with_state(session_guard, guard::session))
        .layer(from_fn_with_state(console.clone(), guard::same_origin));
    Router::new()
        .route("/", get(home))
        .route("/console", get(home))
        // A HEAD request must not use up the link.
        .route(
            "/console/sign-in",
            get(sign_in).head(StatusCode::NO_CONTENT),
        )
        .route("/console/plain.css", get(static_pages::style))
        .route(HOME, get(assets::file))
        .route("/console/{*path}", get(assets::file))
        .fallback_service(api)
        .layer(from_fn_with_state(console.clone(), guard::host_header))
        .layer(from_fn(guard::security_headers))
        .with_state(console)
}

#[derive(Deserialize)]
struct SignInQuery {
    #[serde(default)]
    token: String,
}

/// Signs in and redirects, so that the token stays not in the address bar. The page takes the key of the session out of the
/// fragment, which no browser sends to anyone.
async fn sign_in(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(query): Query<SignInQuery>,
) -> Response {
    let Some(grant) = console.links.redeem(&query.token, Instant::now()) else {
        return match guard::has_cookie(&console, &headers) {
            true => Redirect::to(HOME).into_response(),
            false => static_pages::invalid_link(),
        };
    };
    let secrets = console.sessions.create(grant, clock::now());
    console.sessions.flush().await;
    // A session cookie: it ends with the browser and is not written to disk.
    let cookie = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Strict",
        console.cookie(),
        secrets.cookie
    );
    let home = Redirect::to(&format!("{HOME}#key={}", secrets.key));
    ([(SET_COOKIE, cookie)], home).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_given_up_only_if_nobody_chose_it() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let taken = other.local_addr().unwrap().port();
        let chosen = listen_on(taken, false).await.unwrap_err();
        let message = format!("cannot listen for the console on 127.0.0.1:{taken}");
        assert_eq!(chosen.to_string(), message);
        let usual = listen_on(taken, true).await.unwrap();
        assert_ne!(usual.local_addr().unwrap().port(), taken);
        assert!(usual.local_addr().unwrap().ip().is_loopback());
    }
}
