//! The certificate authorities that programs of this cloud trust: its own, and those of the system.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use cloud::dir::CloudDir;
use tempfile::TempDir;

use crate::{
    device::Device,
    process::{Service, cloud, variable},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_trusts_the_authorities_of_the_system_and_of_the_cloud() {
    // Another cloud stands for a server that the system trusts.
    let other = Service::start();
    let dir = TempDir::new().unwrap();
    let system = dir.path().join("system.pem");
    fs::copy(other.place().certificate(), &system).unwrap();

    let path = dir.path().join("cloud");
    let mut exec = cloud(&["exec", "--device-id", "t-1", "--retry-after", "0", "--dir"])
        .arg(&path)
        .args(["--", "sh", "-c", "env; echo ready; read _"])
        .env("SSL_CERT_FILE", &system)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(exec.stdout.take().unwrap()).lines();
    let lines = lines.map(Result::unwrap).take_while(|line| line != "ready");
    let environment = lines.collect::<Vec<_>>().join("\n");
    let bundle = variable(&environment, "SSL_CERT_FILE");
    assert_eq!(variable(&environment, "REQUESTS_CA_BUNDLE"), bundle);
    let added = variable(&environment, "NODE_EXTRA_CA_CERTS");
    assert_eq!(Path::new(&added), path.join("ca.pem"));

    let running = CloudDir::new(&path).running().unwrap();
    let key = variable(&environment, "IOTHUB_DEVICE_DPS_DEVICE_KEY");
    drop(Device::provision(&running, bundle.as_ref(), "t-1", &key).await);
    let enrolled = other.shown(&["enroll", "t-2"]);
    let key = variable(&enrolled, "IOTHUB_DEVICE_DPS_DEVICE_KEY");
    drop(Device::provision(&other.running(), bundle.as_ref(), "t-2", &key).await);

    // In the shell of the program, the same authorities are trusted with another cloud too.
    let again = other
        .command(&["enroll", "t-3"])
        .env("SSL_CERT_FILE", &bundle)
        .output();
    let again = String::from_utf8(again.unwrap().stdout).unwrap();
    let text = fs::read_to_string(variable(&again, "SSL_CERT_FILE")).unwrap();
    assert!(
        text.contains(&format!("# Source: {}\n", system.display())),
        "{text}"
    );
    drop(exec.stdin.take());
    exec.wait().unwrap();
}
