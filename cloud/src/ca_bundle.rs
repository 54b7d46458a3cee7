//! The CA bundle of a cloud: the certificate authorities of the system, and its own. Programs that read it still trust all
//! they trusted before.

use std::{env, ffi::OsString, fs, io, path::PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;

use crate::{ca::CERTIFICATE_FILE, dir::CloudDir};

/// The name of the file in the cloud's directory.
pub const FILE: &str = "ca-bundle.pem";
/// The variables that may name the authorities of the system. A bundle is written for the same ones.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"];
/// The first line of a bundle.
const MARK: &str = "# Certificate authorities of the system and of a local cloud";
/// A line with a file of authorities that a bundle was made of.
const SOURCE: &str = "# Source: ";

/// Writes the bundle, and returns its path. The authorities of the system are those of `SSL_CERT_FILE`, `SSL_CERT_DIR` and
/// `REQUESTS_CA_BUNDLE`, as far as they are set, or else those of the operating system. Without any, the bundle is the CA of
/// the cloud alone.
///
/// # Errors
/// The certificate of the cloud cannot be read, or the bundle cannot be written.
pub fn write(dir: &CloudDir) -> io::Result<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let own = fs::read_to_string(dir.certificate())?;
    let text = bundle(&own, &sources(&variable), operating_system);
    let path = dir.path().join(FILE);
    if fs::read_to_string(&path).is_ok_and(|present| present == text) {
        return Ok(path);
    }
    // A name of its own for each process: several may write at the same time.
    let temporary = dir.path().join(format!("{FILE}.{}", std::process::id()));
    let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    Ok(path)
}

/// The authorities of the system.
#[derive(Debug, Default, PartialEq)]
struct Sources {
    /// Files that variables name.
    files: Vec<PathBuf>,
    /// The directory that `SSL_CERT_DIR` names.
    dir: Option<PathBuf>,
}

/// Returns the files that these variables name. A bundle stands for what it was made of, and the CA of a cloud for none: both
/// are from an environment that a cloud has printed.
fn sources(variable: &impl Fn(&str) -> Option<OsString>) -> Sources {
    let mut files = Vec::new();
    for path in VARIABLES.iter().filter_map(|name| variable(name)) {
        let path = PathBuf::from(path);
        let of_cloud = path
            .file_name()
            .is_some_and(|name| name == CERTIFICATE_FILE)
            && path.with_file_name("policies.json").exists();
        match fs::read(&path) {
            Ok(text) if text.starts_with(MARK.as_bytes()) => files.extend(recorded(&text)),
            Ok(_) if !of_cloud => files.push(path),
            _ => {}
        }
    }
    files.dedup();
    let dir = variable("SSL_CERT_DIR").map(PathBuf::from);
    Sources { files, dir }
}

fn recorded(bundle: &[u8]) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(bundle);
    let sources = text.lines().filter_map(|line| line.strip_prefix(SOURCE));
    sources.map(PathBuf::from).collect()
}

/// Makes a bundle of the sources, or of what `system` returns if there is nothing in them.
fn bundle(
    own: &str,
    sources: &Sources,
    system: impl FnOnce() -> Vec<CertificateDer<'static>>,
) -> String {
    let mut text = format!("{MARK}\n");
    for file in &sources.files {
        text += &format!("{SOURCE}{}\n", file.display());
    }
    text += own;
    let mut certificates = certificates(sources);
    if certificates.is_empty() {
        certificates = system();
    }
    certificates.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
    certificates.dedup();
    for certificate in certificates {
        text += &pem(&certificate);
    }
    text
}

/// Returns all certificates of the sources that can be read.
fn certificates(sources: &Sources) -> Vec<CertificateDer<'static>> {
    let of_file = |file: &PathBuf| load_certs_from_paths(Some(file), None).certs;
    let of_dir = load_certs_from_paths(None, sources.dir.as_deref()).certs;
    let of_files = sources.files.iter().flat_map(of_file);
    of_files.chain(of_dir).collect()
}

/// Returns the certificates of the operating system.
fn operating_system() -> Vec<CertificateDer<'static>> {
    let system = openssl_probe::probe();
    let dir = system.cert_dir.first().map(PathBuf::as_path);
    load_certs_from_paths(system.cert_file.as_deref(), dir).certs
}

fn pem(certificate: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(certificate);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text += line;
        text.push('\n');
        rest = after;
    }
    text + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    /// The PEM of another authority each time.
    fn authority() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key);
        certificate.unwrap().pem()
    }

    fn found(variables: &[(&str, &Path)]) -> Sources {
        sources(&|name| {
            let variable = variables.iter().find(|(given, _)| *given == name);
            variable.map(|(_, path)| path.as_os_str().to_owned())
        })
    }

    fn ders(pem: &str) -> Vec<CertificateDer<'static>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), pem).unwrap();
        load_certs_from_paths(Some(file.path()), None).certs
    }

    #[test]
    fn a_bundle_has_the_authorities_that_were_trusted_before_and_the_own_one() {
        let dir = TempDir::new().unwrap();
        let (own, first, second) = (authority(), authority(), authority());
        let files = ["one.pem", "two.pem"].map(|name| dir.path().join(name));
        fs::write(&files[0], &first).unwrap();
        fs::write(&files[1], first.clone() + &second).unwrap();
        let sources = found(&[
            ("SSL_CERT_FILE", &files[0]),
            ("REQUESTS_CA_BUNDLE", &files[1]),
        ]);
        let bundle = bundle(&own, &sources, Vec::new);
        let trusted = ders(&bundle);
        assert_eq!(trusted.len(), 3);
        for pem in [own, first, second] {
            assert!(trusted.contains(&ders(&pem)[0]));
        }
    }

    #[test]
    fn a_bundle_in_the_environment_stands_for_what_it_was_made_of() {
        let dir = TempDir::new().unwrap();
        let [corporate, outer] = ["corporate.pem", "outer.pem"].map(|name| dir.path().join(name));
        fs::write(&corporate, authority()).unwrap();
        let sources = found(&[("SSL_CERT_FILE", &corporate)]);
        fs::write(&outer, bundle(&authority(), &sources, Vec::new)).unwrap();
        let again = found(&[("SSL_CERT_FILE", &outer), ("REQUESTS_CA_BUNDLE", &outer)]);
        assert_eq!(again, sources);
    }

    #[test]
    fn without_authorities_of_the_system_the_bundle_is_the_own_one_alone() {
        let own = authority();
        let nothing = bundle(&own, &Sources::default(), Vec::new);
        assert_eq!(ders(&nothing), ders(&own));
        let system = ders(&authority());
        let both = bundle(&own, &Sources::default(), || system.clone());
        assert_eq!(ders(&both).len(), 2);
    }

    #[test]
    fn files_that_are_gone_and_the_ca_of_a_cloud_are_no_authorities_of_the_system() {
        let dir = TempDir::new().unwrap();
        let ca = dir.path().join(CERTIFICATE_FILE);
        fs::write(&ca, authority()).unwrap();
        fs::write(dir.path().join("policies.json"), "{}").unwrap();
        let gone = dir.path().join("gone.pem");
        let variables = [("SSL_CERT_FILE", &*ca), ("REQUESTS_CA_BUNDLE", &*gone)];
        assert_eq!(found(&variables), Sources::default());
    }
}
