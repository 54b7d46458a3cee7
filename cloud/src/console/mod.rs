//! The operator's console: a page in the browser, on a listener of its own.
//!
//! The page is a client of the [`api`] and of nothing else. Because browsers do not know the local certificate authority,
//! it is plain HTTP, and so on 127.0.0.1 alone; because it has no keys, a session ([`sessions`]) stands in the place of a
//! token, and begins with a link ([`links`]). What may ask for anything is decided in [`guard`].
//!
//! | path | answers |
//! |---|---|
//! | `/console/sign-in?token=…` | a session for a link, once |
//! | `/console/…` | the file of this name, else the page itself |
//! | anything else | as on the operators' listener, to who has signed in |

mod assets;
mod guard;
mod links;
mod plain;
mod secret;
mod sessions;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::warn;

use crate::store::{Store, StoreError};
use crate::{api, hub};
pub use links::LINK_LIFE;
use links::Links;
use sessions::Sessions;

/// The port of the console unless one is chosen.
pub const PORT: u16 = 8080;

/// Where the page begins. Everything of it lies below, out of the way of the api's paths.
const HOME: &str = "/console/";

/// The console of a running cloud: where it is, and who may use it.
#[derive(Clone)]
pub struct Console {
    address: SocketAddr,
    links: Arc<Links>,
    sessions: Arc<Sessions>,
}

impl Console {
    /// The console at this address, with the sessions of this store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn open(address: SocketAddr, store: Store) -> Result<Self, StoreError> {
        Ok(Self {
            address,
            links: Arc::default(),
            sessions: Arc::new(Sessions::open(store)?),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new address to open in a browser. It signs in whoever opens it first, and counts for [`LINK_LIFE`].
    pub fn link(&self) -> String {
        let token = self.links.invite(Instant::now());
        format!("http://{}{HOME}sign-in?token={token}", self.address)
    }

    /// The cookie that holds the session. Browsers send it to every port of this machine, so its name has ours.
    fn cookie(&self) -> String {
        format!("cloud-console-{}", self.address.port())
    }
}

/// Listens on this port of 127.0.0.1; without one on [`PORT`], or a free one where that is taken.
///
/// # Errors
/// If the port cannot be listened on.
pub(crate) async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    listen_on(port.unwrap_or(PORT), port.is_none()).await
}

async fn listen_on(port: u16, or_another: bool) -> anyhow::Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match bind(port).await {
        Err(error) if or_another && error.kind() == io::ErrorKind::AddrInUse => {
            warn!(port, "the console's usual port is taken: it gets another");
            bind(0).await
        }
        listener => listener,
    };
    listener.with_context(|| format!("cannot listen for the console on 127.0.0.1:{port}"))
}

/// Serves the page, and `api` to who has signed in, until `shutdown` turns true.
pub(crate) async fn serve(
    listener: TcpListener,
    console: Console,
    api: Router,
    shutdown: watch::Receiver<bool>,
) {
    let listener = listener.tap_io(|tcp| {
        // Answers are small and whole; waiting for more to send only delays them.
        let _ = tcp.set_nodelay(true);
    });
    api::serve_on(listener, router(console, api), shutdown).await;
}

fn router(console: Console, api: Router) -> Router {
    let home = || async { Redirect::to(HOME) };
    let api = api
        .layer(from_fn_with_state(console.clone(), guard::session))
        .layer(from_fn_with_state(console.clone(), guard::own_page));
    Router::new()
        .route("/", get(home))
        .route("/console", get(home))
        // Only who means to sign in uses up the link.
        .route(
            "/console/sign-in",
            get(sign_in).head(StatusCode::NO_CONTENT),
        )
        .route("/console/plain.css", get(plain::style))
        .route(HOME, get(assets::file))
        .route("/console/{*path}", get(assets::file))
        .fallback_service(api)
        .layer(from_fn_with_state(console.clone(), guard::host))
        .layer(from_fn(guard::headers))
        .with_state(console)
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

/// The answer leads away at once, so that the token stays neither in the address bar nor in the history.
async fn sign_in(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(link): Query<Link>,
) -> Response {
    if guard::has_session(&console, &headers) {
        return Redirect::to(HOME).into_response();
    }
    if !console.links.redeem(&link.token, Instant::now()) {
        return plain::no_such_link();
    }
    let session = console.sessions.begin(hub::now());
    console.sessions.settled().await;
    // Without an age: it is the key to everything here, so it ends with the browser and is not kept on its disk.
    let cookie = format!(
        "{}={session}; Path=/; HttpOnly; SameSite=Strict",
        console.cookie()
    );
    ([(SET_COOKIE, cookie)], Redirect::to(HOME)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_given_up_only_if_nobody_chose_it() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let taken = other.local_addr().unwrap().port();
        let chosen = listen_on(taken, false).await.unwrap_err();
        let words = format!("cannot listen for the console on 127.0.0.1:{taken}");
        assert_eq!(chosen.to_string(), words);
        let usual = listen_on(taken, true).await.unwrap();
        assert_ne!(usual.local_addr().unwrap().port(), taken);
        assert!(usual.local_addr().unwrap().ip().is_loopback());
    }
}
