//! Static pages for when the console is not available.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};

/// Makes the page for a link that was used, has expired or never existed.
pub(super) fn invalid_link() -> Response {
    let words = "<p>A link signs in once, and for ten minutes. This one has been used, is older than that, or is of a \
                 cloud that has ended.</p>\
                 <p>For a new one, run this in a terminal, with the <code>--dir</code> or <code>CLOUD_DIR</code> of the \
                 cloud:</p><pre>cloud console</pre>";
    page(StatusCode::FORBIDDEN, "This link does not sign in", words)
}

/// Makes the page of a program that was built without the console.
pub(super) fn missing_console() -> Response {
    let words = "<p>This program was built without its console. To build it with the console, run this in the project's \
                 folder, with Node 18 or newer, and start the cloud again:</p><pre>make build</pre>";
    page(StatusCode::NOT_FOUND, "No console here", words)
}

/// Returns the style of these pages.
pub(super) async fn style() -> Response {
    let style = include_str!("plain.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], style).into_response()
}

fn page(status: StatusCode, title: &str, words: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/console/plain.css\"></head>\
         <body><main><h1>{title}</h1>{words}</main></body></html>\n"
    );
    (status, Html(page)).into_response()
}
