//! Answers in pages: how long one may be, and where it begins.

use axum::http::{HeaderMap, HeaderName};

use super::Error;

/// Where the next page begins, in an answer and in the request for that page.
pub(super) const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation");
/// What the page holds.
pub(super) const ITEM_TYPE: HeaderName = HeaderName::from_static("x-ms-item-type");
const MAX_ITEM_COUNT: HeaderName = HeaderName::from_static("x-ms-max-item-count");

/// How many things a page has at most.
pub(super) const LIMIT: usize = 1000;

/// How many things the page may have; `unasked`, if the request does not say. Too large a page is made smaller, as Azure
/// reserves to itself.
pub(super) fn size(headers: &HeaderMap, unasked: usize) -> Result<usize, Error> {
    let Some(count) = headers.get(MAX_ITEM_COUNT) else {
        return Ok(unasked);
    };
    let count = count.to_str().ok();
    match count.and_then(|count| count.trim().parse().ok()) {
        Some(count @ 1_usize..) => Ok(count.min(LIMIT)),
        _ => Err(Error::invalid(format!(
            "{MAX_ITEM_COUNT} must be a number from 1 to {LIMIT}"
        ))),
    }
}

/// Where the page begins: at the beginning, or where `read` says of the continuation of the page before.
pub(super) fn position<T: Default>(
    headers: &HeaderMap,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Error> {
    let Some(token) = headers.get(CONTINUATION).filter(|token| !token.is_empty()) else {
        return Ok(T::default());
    };
    let position = token.to_str().ok().and_then(read);
    position.ok_or_else(|| {
        Error::invalid(format!(
            "{CONTINUATION} is none that this question was answered with"
        ))
    })
}
