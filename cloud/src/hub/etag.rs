//! Etags and the preconditions that name them.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::Error;

/// Returns the etag for a version of a resource.
pub(crate) fn of(version: u64) -> String {
    BASE64.encode(version.to_be_bytes())
}

/// Checks an `If-Match` header (`*`, `"*"`, `"etag"`, `W/"etag"`, `etag`) against the current etag. An absent header matches.
///
/// # Errors
/// `PreconditionFailed`.
pub(crate) fn check(if_match: Option<&str>, existing: &str) -> Result<(), Error> {
    let Some(given) = if_match else {
        return Ok(());
    };
    let given = given.trim();
    let given = given.strip_prefix("W/").unwrap_or(given).trim_matches('"');
    if given == "*" || given == existing {
        return Ok(());
    }
    Err(Error::PreconditionFailed {
        existing: existing.to_owned(),
        given: given.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_etag_matches_and_another_does_not() {
        let etag = of(7);
        for spelling in [
            "*",
            "\"*\"",
            &etag,
            &format!("\"{etag}\""),
            &format!("W/\"{etag}\""),
        ] {
            assert_eq!(check(Some(spelling), &etag), Ok(()), "{spelling}");
        }
        assert!(check(None, &etag).is_ok());
        assert!(check(Some(&of(8)), &etag).is_err());
    }
}
