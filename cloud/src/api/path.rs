//! Paths as Microsoft's tools write them, and as the router knows them.

use axum::{
    extract::Request,
    http::{Method, Uri},
    middleware::Next,
    response::Response,
};

/// The names of Azure's collections whose next segment is an id.
const COLLECTIONS: [&str; 10] = [
    "devices",
    "twins",
    "digitaltwins",
    "enrollments",
    "enrollmentGroups",
    "registrations",
    "modules",
    "components",
    "commands",
    "configurations",
];

/// The other names in Azure's paths.
const NAMES: [&str; 23] = [
    "methods",
    "query",
    "statistics",
    "service",
    "attestationmechanism",
    "messages",
    "events",
    "deviceBound",
    "serviceBound",
    "filenotifications",
    "feedback",
    "files",
    "notifications",
    "jobs",
    "v2",
    "create",
    "cancel",
    "register",
    "operations",
    "testQueries",
    "applyConfigurationContent",
    "$iothub",
    "websocket",
];

/// The names of queries, which stand in the place of an id.
const QUERIES: [&str; 2] = ["query", "testQueries"];

/// Rewrites the path of a request: decodes slashes, drops a trailing one, and spells names as the router knows them. No name
/// or id contains a slash, and Azure ignores the case of names.
pub(super) async fn normalize(mut request: Request, next: Next) -> Response {
    if let Some(uri) = normalized(request.method(), request.uri()) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

/// Returns the rewritten URI; `None` if nothing changes.
fn normalized(method: &Method, uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let decoded = path.replace("%2F", "/").replace("%2f", "/");
    let trimmed = decoded.strip_suffix('/').unwrap_or(&decoded);
    let spelled = spelled(method, trimmed);
    if spelled == path || spelled.is_empty() {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}"));
    format!("{spelled}{}", query.unwrap_or_default())
        .parse()
        .ok()
}

/// Spells the names in a path of Azure as the router knows them, and leaves ids and the cloud's own paths alone.
fn spelled(method: &Method, path: &str) -> String {
    if path.starts_with("/api/") {
        return path.to_owned();
    }
    let mut in_collection = false;
    let segments = path.split('/').map(|segment| {
        let name = |names: &[&'static str]| {
            let mut names = names.iter();
            names
                .find(|name| name.eq_ignore_ascii_case(segment))
                .copied()
        };
        if in_collection {
            in_collection = false;
            let query = name(&QUERIES).filter(|_| *method == Method::POST);
            return query.unwrap_or(segment);
        }
        let collection = name(&COLLECTIONS);
        in_collection = collection.is_some();
        collection.or_else(|| name(&NAMES)).unwrap_or(segment)
    });
    let segments: Vec<_> = segments.collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::UNSUPPORTED;

    fn get(path: &str) -> String {
        spelled(&Method::GET, path)
    }

    #[test]
    fn names_are_found_in_any_case_and_ids_are_left() {
        for (given, wanted) in [
            ("/enrollmentgroups/G-1", "/enrollmentGroups/G-1"),
            ("/Devices/Devices", "/devices/Devices"),
            ("/TWINS/T-1/Methods", "/twins/T-1/methods"),
            (
                "/digitaltwins/A/Components/B/COMMANDS/C",
                "/digitaltwins/A/components/B/commands/C",
            ),
            ("/Statistics/Devices", "/statistics/devices"),
            (
                "/0neSCOPE/Registrations/X/Register",
                "/0neSCOPE/registrations/X/register",
            ),
            ("/devices/Query", "/devices/Query"),
            ("/api/Devices/X/messages", "/api/Devices/X/messages"),
        ] {
            assert_eq!(get(given), wanted);
        }
        assert_eq!(spelled(&Method::POST, "/Devices/Query"), "/devices/query");
    }

    #[test]
    fn every_path_that_is_not_supported_is_found_in_any_case() {
        for unsupported in UNSUPPORTED {
            let upper: Vec<_> = unsupported
                .path
                .split('/')
                .map(|segment| match segment.starts_with('{') {
                    true => segment.to_owned(),
                    false => segment.to_ascii_uppercase(),
                })
                .collect();
            for method in unsupported.methods {
                let spelled = spelled(method, &upper.join("/"));
                assert_eq!(spelled, unsupported.path);
            }
        }
    }

    proptest! {
        #[test]
        fn an_id_in_a_path_stays_as_it_is(id in "[A-Za-z0-9:%._-]{1,20}") {
            prop_assume!(!id.eq_ignore_ascii_case("query"));
            prop_assert_eq!(get(&format!("/twins/{id}/METHODS")), format!("/twins/{id}/methods"));
        }
    }

    #[test]
    fn slashes_are_decoded_and_a_trailing_one_is_dropped() {
        let rewritten = |uri: &str| {
            let uri: Uri = uri.parse().unwrap();
            normalized(&Method::GET, &uri).map(|uri| uri.to_string())
        };
        assert_eq!(
            rewritten("/devices/a%2Fmodules?x=1").as_deref(),
            Some("/devices/a/modules?x=1")
        );
        assert_eq!(rewritten("/devices/").as_deref(), Some("/devices"));
        assert_eq!(rewritten("/devices?x=1"), None);
    }
}
