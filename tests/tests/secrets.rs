//! Keys and what is made of them stay out of everything people or programs might read.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use end_to_end::{Cloud, HostCommand, thermostat};

/// A key in the forms in which it could slip out: as given, as a part of a URL, and its bytes as logs print bytes.
fn forms(key: &str) -> Vec<String> {
    let escaped = |plus: &str, slash: &str, equals: &str| {
        key.replace('+', plus)
            .replace('/', slash)
            .replace('=', equals)
    };
    let bytes = BASE64.decode(key).expect("keys are base64");
    let list = format!("{bytes:?}");
    vec![
        key.trim_end_matches('=').to_owned(),
        escaped("%2B", "%2F", "%3D"),
        escaped("%2b", "%2f", "%3d"),
        String::from_utf8_lossy(&bytes).into_owned(),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        list.replace(' ', ""),
        list,
    ]
}

fn assert_silent(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets.iter().flat_map(|secret| forms(secret)) {
        assert!(!text.contains(&secret), "{what} shows a key");
    }
    for part in ["sig=", "sig%3D", "SharedAccessSignature"] {
        assert!(!text.contains(part), "{what} shows a token: {part}");
    }
}

fn value(variables: &[(String, String)], name: &str) -> String {
    let found = variables.iter().find(|(variable, _)| variable == name);
    found.expect("cloud enroll prints it").1.clone()
}

/// A whole story, with everything a log can hold, and with what goes wrong.
fn the_story_shows_no_secret(form: &str) {
    let cloud = Cloud::start();
    let variables = cloud.enroll(&["s-1"]);
    let key = value(&variables, "IOTHUB_DEVICE_DPS_DEVICE_KEY");
    let group = cloud.dps_settings();
    let mut secrets = vec![key.clone()];
    secrets.extend(
        ["primaryKey", "secondaryKey"]
            .iter()
            .filter_map(|name| Some(group.get("defaultGroup")?.get(name)?.as_str()?.to_owned())),
    );
    let host = |hub: Option<&str>| {
        let mut host = HostCommand::of(&thermostat())
            .set("telemetry-interval", "100ms")
            .arg("-vvv")
            .arg("--log-format")
            .arg(form);
        for (name, value) in &variables {
            host = host.env(name, value);
        }
        match hub {
            Some(hub) => host
                .env("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString")
                .env(
                    "IOTHUB_DEVICE_CONNECTION_STRING",
                    format!("HostName={hub};DeviceId=s-1;SharedAccessKey={key}"),
                ),
            None => host,
        }
    };
    let running = cloud.running();
    let hub = running
        .get("hubName")
        .and_then(|name| name.as_str())
        .expect("a name");

    let mut by_dps = host(None).start();
    by_dps.stdout.wait_for("Sent message");
    cloud.set(&["targetTemperature", "20"]);
    cloud.call(&["getMaxMinReport"]);
    cloud.fault(&["reset"]);
    by_dps.stderr.wait_for("not connected");
    by_dps.stdout.wait_for("Sent message");
    let arguments = std::fs::read(format!("/proc/{}/cmdline", by_dps.id())).expect("it runs");
    assert_eq!(by_dps.stop(), Some(0));

    let mut by_string = host(Some(hub)).start();
    by_string.stdout.wait_for("Sent message");
    assert_eq!(by_string.stop(), Some(0));
    let mut in_vain = host(Some("127.0.0.1:1")).start();
    in_vain.stderr.wait_for("not connected");
    assert_eq!(in_vain.stop(), Some(0));

    for process in [&by_dps, &by_string, &in_vain] {
        assert_silent("standard output", &process.stdout.text(), &secrets);
        assert_silent("the log", &process.stderr.text(), &secrets);
    }
    assert_silent(
        "the command line",
        &String::from_utf8_lossy(&arguments),
        &secrets,
    );
    assert_silent("the cloud", &cloud.process.stdout.text(), &secrets);
    assert_silent("the cloud's log", &cloud.process.stderr.text(), &secrets);
}

#[test]
fn no_key_or_token_is_in_a_log_of_text() {
    the_story_shows_no_secret("text");
}

#[test]
fn no_key_or_token_is_in_a_log_of_json() {
    the_story_shows_no_secret("json");
}

#[test]
fn a_device_with_the_key_of_its_group_shows_neither_that_nor_its_own() {
    let cloud = Cloud::start();
    let group = cloud.dps_settings();
    let group = group
        .pointer("/defaultGroup/primaryKey")
        .and_then(|key| key.as_str());
    let group = group.expect("every cloud has a group");
    let own = value(
        &cloud.enroll(&["s-1", "--group"]),
        "IOTHUB_DEVICE_DPS_DEVICE_KEY",
    );
    let secrets = [group.to_owned(), own];
    for form in ["text", "json"] {
        let mut host = HostCommand::of(&thermostat())
            .arg("-vvv")
            .arg("--log-format")
            .arg(form)
            .enrolled_in_group(&cloud, "s-1")
            .start();
        host.stdout.wait_for("Sent message");
        assert_eq!(host.stop(), Some(0));
        assert_silent("standard output", &host.stdout.text(), &secrets);
        assert_silent("the log", &host.stderr.text(), &secrets);
    }
    assert_silent("the cloud", &cloud.process.stdout.text(), &secrets);
    assert_silent("the cloud's log", &cloud.process.stderr.text(), &secrets);
}

#[test]
fn a_device_with_its_secret_in_a_file_connects_and_does_not_show_it() {
    const OWN: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";
    const STRING: &str = "IOTHUB_DEVICE_CONNECTION_STRING";
    let cloud = Cloud::start();
    let host = || HostCommand::of(&thermostat()).arg("-vvv");
    let variables = cloud.enroll(&["s-1"]);
    let key = value(&variables, OWN);
    let running = cloud.running();
    let hub = running.get("hubName").and_then(|name| name.as_str());
    let string = format!(
        "HostName={};DeviceId=s-1;SharedAccessKey={key}",
        hub.expect("a name")
    );
    let by_string = host()
        .enrolled(&cloud, "s-1")
        .without(OWN)
        .env("IOTHUB_DEVICE_SECURITY_TYPE", "connectionString")
        .env(STRING, string);
    let group = cloud.dps_settings();
    let group = group.pointer("/defaultGroup/primaryKey");
    let group = group.and_then(|key| key.as_str()).expect("a group");
    let secrets = [key, group.to_owned()];
    for host in [
        host().enrolled(&cloud, "s-1").in_file(OWN),
        host()
            .enrolled_in_group(&cloud, "s-2")
            .in_file("IOTHUB_DEVICE_DPS_GROUP_KEY"),
        by_string.in_file(STRING),
    ] {
        let mut host = host.start();
        host.stdout.wait_for("Sent message");
        assert_eq!(host.stop(), Some(0));
        assert_silent("standard output", &host.stdout.text(), &secrets);
        assert_silent("the log", &host.stderr.text(), &secrets);
    }
}

#[test]
fn no_key_or_token_is_in_the_errors_of_a_refused_device() {
    let cloud = Cloud::start();
    let wrong = "d3Jvbmcga2V5IG9mIGEgdGVzdA==";
    let host = |kind: &str| {
        let mut process = HostCommand::of(&thermostat())
            .arg("-vvv")
            .enrolled(&cloud, "s-1")
            .env("IOTHUB_DEVICE_SECURITY_TYPE", kind)
            .env("IOTHUB_DEVICE_DPS_DEVICE_KEY", wrong)
            .env(
                "IOTHUB_DEVICE_CONNECTION_STRING",
                format!("HostName=x;{wrong}"),
            )
            .start();
        process.wait();
        process.stderr.text()
    };
    for kind in ["DPS", "connectionString"] {
        assert_silent("an error", &host(kind), &[wrong.to_owned()]);
    }
    assert_silent(
        "the cloud's log",
        &cloud.process.stderr.text(),
        &[wrong.to_owned()],
    );
}
