//! The names under which the metrics may be requested. A web page that a browser of this machine shows could otherwise make
//! its own name resolve to this machine, and read them (DNS rebinding).

use std::{fs, net::IpAddr};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header::HOST},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The file with the name of this machine, as `uname -n` prints it.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// Returns the name of this machine; empty if it is not known.
pub(super) fn of_this_machine() -> String {
    let name = fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    name.trim().to_owned()
}

/// Rejects a request for the name of another machine.
pub(super) async fn check(State(machine): State<String>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST);
    match host.and_then(|host| host.to_str().ok()) {
        Some(host) if is_own(host, &machine) => next.run(request).await,
        _ => {
            let reason = "request the metrics by an address, a name without a dot, or the name of the machine\n";
            (StatusCode::MISDIRECTED_REQUEST, reason).into_response()
        }
    }
}

/// Returns true if the value of a `Host` header is an address or a name without a dot, such as `localhost` or that of a
/// container, neither of which a public name server can forge, or the name of this machine.
fn is_own(host: &str, machine: &str) -> bool {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    address.unwrap_or(host).parse::<IpAddr>().is_ok()
        || is_local_name(host)
        || (!machine.is_empty() && host.eq_ignore_ascii_case(machine))
}

fn is_local_name(host: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    !host.is_empty() && host.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_names_of_this_machine_are_its_own() {
        for host in [
            "localhost",
            "LOCALHOST:9184",
            "127.0.0.1:9184",
            "192.168.1.5",
            "[::1]:9184",
            "[::1]",
            "gateway-7:9184",
            "Gateway-7.plant.example",
            "thermostat:9184",
        ] {
            assert!(is_own(host, "gateway-7.plant.example"), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9184",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[evil]",
            ":9184",
        ] {
            assert!(
                !is_own(host, "gateway-7.plant.example") && !is_own(host, ""),
                "{host}"
            );
        }
    }
}
