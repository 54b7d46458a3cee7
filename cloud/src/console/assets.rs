//! The files of the console, embedded in the program.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{HOME, static_pages};

const INDEX: &str = "index.html";

/// Paths and bytes.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

static ASSETS: LazyLock<BTreeMap<&str, Asset>> = LazyLock::new(|| {
    let assets = FILES
        .iter()
        .map(|(path, bytes)| (*path, Asset::new(path, bytes)));
    assets.collect()
});

struct Asset {
    bytes: &'static [u8],
    etag: String,
    content_type: &'static str,
}

/// Returns the file of this name. Other paths are routes within the page, and get the page.
pub(super) async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let asset = uri
        .path()
        .strip_prefix(HOME)
        .and_then(|path| ASSETS.get(path));
    let asset = asset.or_else(|| ASSETS.get(INDEX));
    asset.map_or_else(static_pages::missing_console, |asset| {
        asset.response(&headers)
    })
}

impl Asset {
    fn new(path: &str, bytes: &'static [u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let etag = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
        Self {
            bytes,
            etag: format!("\"{}\"", etag.collect::<String>()),
            content_type: content_type(path),
        }
    }

    /// Makes the response. Browsers revalidate each time, so that a new program has its new page at once.
    fn response(&self, headers: &HeaderMap) -> Response {
        let caching = [(ETAG, self.etag.as_str()), (CACHE_CONTROL, "no-cache")];
        let known = headers.get_all(IF_NONE_MATCH).iter();
        let mut known = known.filter_map(|header| header.to_str().ok());
        if known.any(|known| known.contains(&self.etag)) {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        (caching, [(CONTENT_TYPE, self.content_type)], self.bytes).into_response()
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
