//! Static pages for when the console is not available.

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
};

/// Makes the page for a link that was used, has expired or never existed.
pub(super) fn invalid_link() -> Response {
    let content = "<p>A sign-in link works once, within ten minutes. This one was used, has expired, or belongs to a cloud \
                   that has stopped.</p>\
                   <p>For a new link, run this command in a terminal, with the <code>--dir</code> or \
                   <code>CLOUD_DIR</code> of the cloud:</p><pre>cloud console</pre>";
    page(StatusCode::FORBIDDEN, "Sign-in link not valid", content)
}

/// Makes the page of a program that was built without the console.
pub(super) fn missing_console() -> Response {
    let content = "<p>This program was built without the console. To build it with the console, run this command in the \
                   project directory, with Node.js 18 or newer, and restart the cloud:</p><pre>make build</pre>";
    page(StatusCode::NOT_FOUND, "Console not available", content)
}

/// Returns the style of these pages.
pub(super) async fn style() -> Response {
    let style = include_str!("plain.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], style).into_response()
}

fn page(status: StatusCode, title: &str, content: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/console/plain.css\"></head>\
         <body><main><h1>{title}</h1>{content}</main></body></html>\n"
    );
    (status, Html(page)).into_response()
}
