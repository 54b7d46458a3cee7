//! Paging of responses by Azure's headers.

use axum::http::{HeaderMap, HeaderName};

use super::Error;

/// The continuation token: in a response, and in the request for the next page.
pub(super) const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation");
/// The type of the items on the page.
pub(super) const ITEM_TYPE: HeaderName = HeaderName::from_static("x-ms-item-type");
const MAX_ITEM_COUNT: HeaderName = HeaderName::from_static("x-ms-max-item-count");

/// The largest page size.
pub(super) const MAX_PAGE_SIZE: usize = 1000;

/// Parses the page size; `default` if the request names none. Larger sizes count as [`MAX_PAGE_SIZE`], which Azure reserves
/// itself too.
///
/// # Errors
/// `ArgumentInvalid` if it is not a positive number.
pub(super) fn size(headers: &HeaderMap, default: usize) -> Result<usize, Error> {
    let Some(count) = headers.get(MAX_ITEM_COUNT) else {
        return Ok(default);
    };
    let count = count.to_str().ok();
    match count.and_then(|count| count.trim().parse().ok()) {
        Some(count @ 1_usize..) => Ok(count.min(MAX_PAGE_SIZE)),
        _ => Err(Error::invalid(format!(
            "{MAX_ITEM_COUNT} must be a number from 1 to {MAX_PAGE_SIZE}"
        ))),
    }
}

/// Parses the continuation token with `parse`; the beginning without one.
///
/// # Errors
/// `ArgumentInvalid` if `parse` returns `None`.
pub(super) fn position<T: Default>(
    headers: &HeaderMap,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Error> {
    let Some(token) = headers.get(CONTINUATION).filter(|token| !token.is_empty()) else {
        return Ok(T::default());
    };
    let position = token.to_str().ok().and_then(parse);
    position.ok_or_else(|| Error::invalid(format!("{CONTINUATION} does not belong to this query")))
}
