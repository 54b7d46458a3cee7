//! Checks the imports and exports of the component.

use super::finding::{Checked, Finding};
use crate::guest::{PreparedComponent, Sandbox, World, compile::Image};

pub(super) const NAME: &str = "world";

pub(super) fn check(sandbox: &Sandbox, image: &Image) -> Checked<PreparedComponent> {
    let World { imports, exports } = sandbox.world(image);
    let message = format!("imports {}; exports {}", list(&imports), list(&exports));
    let described = |finding: Finding| {
        let finding = finding.with("imports", imports);
        finding.with("exports", exports)
    };
    match sandbox.prepare(image) {
        Ok(prepared) => Ok((described(Finding::ok(message)), prepared)),
        Err(error) => Err(described(Finding::error(error.to_string()))),
    }
}

/// The interfaces of each package together: `pnp:device@0.1.0 (clock, hub)`.
fn list(names: &[String]) -> String {
    let mut packages: Vec<(String, Vec<&str>)> = Vec::new();
    for name in names {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/').unwrap_or((path, ""));
        let package = match version {
            "" => package.to_owned(),
            version => format!("{package}@{version}"),
        };
        match packages.iter_mut().find(|(known, _)| *known == package) {
            Some((_, interfaces)) => interfaces.push(interface),
            None => packages.push((package, vec![interface])),
        }
    }
    let shown: Vec<_> = packages
        .iter()
        .map(|(package, interfaces)| match interfaces.as_slice() {
            [""] => package.clone(),
            interfaces => format!("{package} ({})", interfaces.join(", ")),
        })
        .collect();
    match shown.is_empty() {
        true => "nothing".to_owned(),
        false => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_listed_by_package() {
        let names = [
            "pnp:device/clock@0.1.0",
            "pnp:device/hub@0.1.0",
            "wasi:io/poll@0.2.6",
            "pnp:device/log@0.1.0",
            "other:place/oracle",
            "run",
        ];
        assert_eq!(
            list(&names.map(str::to_owned)),
            "pnp:device@0.1.0 (clock, hub, log), wasi:io@0.2.6 (poll), other:place (oracle), run"
        );
        assert_eq!(list(&[]), "nothing");
    }
}
