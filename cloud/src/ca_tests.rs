use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
    sync::Arc,
};

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring::default_provider,
    pki_types::{ServerName, UnixTime, pem::PemObject},
};
use tempfile::TempDir;

use super::*;

const NAMES: [&str; 4] = ["localhost", "hub.localhost", "127.0.0.1", "127.4.5.6"];

fn authority_in(dir: &TempDir) -> Authority {
    Authority::open(dir.path()).unwrap()
}

/// Verifies a certificate for this host name as a rustls client that trusts the CA in `dir`.
fn verify(dir: &TempDir, identity: &ServerIdentity, name: &str) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(dir.path().join(CERTIFICATE_FILE)).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier
        .verify_server_cert(&identity.chain[0], &[], &name, &[], UnixTime::now())
        .map(drop)
}

#[test]
fn a_rustls_client_accepts_the_names_asked_for_and_no_other() {
    let dir = TempDir::new().unwrap();
    let identity = authority_in(&dir).issue(NAMES).unwrap();
    for name in NAMES {
        verify(&dir, &identity, name).unwrap();
    }
    assert!(verify(&dir, &identity, "127.0.0.2").is_err());
    assert!(verify(&dir, &identity, "other.localhost").is_err());
}

#[test]
fn the_authority_is_the_same_at_the_next_start() {
    let dir = TempDir::new().unwrap();
    authority_in(&dir);
    let before = std::fs::read(dir.path().join(CERTIFICATE_FILE)).unwrap();
    let identity = authority_in(&dir).issue(NAMES).unwrap();
    assert_eq!(
        std::fs::read(dir.path().join(CERTIFICATE_FILE)).unwrap(),
        before
    );
    verify(&dir, &identity, "localhost").unwrap();
}

#[test]
fn only_the_owner_reads_the_key() {
    let dir = TempDir::new().unwrap();
    authority_in(&dir);
    let mode = std::fs::metadata(dir.path().join(KEY_FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn it_issues_certificates_for_this_machine_only() {
    let dir = TempDir::new().unwrap();
    let authority = authority_in(&dir);
    for name in [
        "example.com",
        "localhost.example.com",
        "10.0.0.1",
        "notlocalhost",
        "",
    ] {
        assert!(
            matches!(authority.issue([name]), Err(CaError::Name(_))),
            "{name}"
        );
    }
}

#[test]
fn a_certificate_for_another_machine_is_refused_even_if_the_key_were_stolen() {
    let dir = TempDir::new().unwrap();
    let authority = authority_in(&dir);
    let mut params = server_params(["localhost"]).unwrap();
    params.subject_alt_names = vec![SanType::DnsName("example.com".try_into().unwrap())];
    let key = KeyPair::generate().unwrap();
    let identity = ServerIdentity {
        chain: vec![params.signed_by(&key, &authority.issuer).unwrap().into()],
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    };
    let error = verify(&dir, &identity, "example.com").unwrap_err();
    assert!(format!("{error:?}").contains("NameConstraint"), "{error:?}");
}

#[test]
fn a_key_file_without_a_key_is_named_with_the_remedy() {
    let dir = TempDir::new().unwrap();
    authority_in(&dir);
    std::fs::write(dir.path().join(KEY_FILE), "no key").unwrap();
    let message = Authority::open(dir.path()).err().unwrap().to_string();
    assert!(message.contains("ca.key: delete it"), "{message}");
}

#[test]
fn openssl_accepts_it_by_the_strict_rules() {
    let dir = TempDir::new().unwrap();
    let identity = authority_in(&dir).issue(NAMES).unwrap();
    let leaf = dir.path().join("server.der");
    std::fs::write(&leaf, &identity.chain[0]).unwrap();
    let Some(accepted) = openssl(&dir, &["-verify_hostname", "hub.localhost"]) else {
        eprintln!("skipped: openssl is not installed (apt install openssl)");
        return;
    };
    assert!(accepted.status.success(), "{accepted:?}");
    assert!(
        openssl(&dir, &["-verify_ip", "127.4.5.6"])
            .unwrap()
            .status
            .success()
    );
    assert!(
        !openssl(&dir, &["-verify_hostname", "example.com"])
            .unwrap()
            .status
            .success()
    );
}

fn openssl(dir: &TempDir, options: &[&str]) -> Option<Output> {
    Command::new("openssl")
        .current_dir(dir.path())
        .args(["verify", "-x509_strict", "-purpose", "sslserver"])
        .args(["-CAfile", CERTIFICATE_FILE])
        .args(options)
        .arg("server.der")
        .output()
        .ok()
}
