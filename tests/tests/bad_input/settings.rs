//! Settings that are missing or wrong.

use std::{fs, path::Path};

use end_to_end::{Cloud, HostCommand, thermostat};

use super::{KEY, UNUSABLE, dps, ends, host};

#[test]
fn settings_that_are_missing_or_wrong_are_named() {
    let thermostat = thermostat();
    let typed = |kind: &str| host(&thermostat).env("IOTHUB_DEVICE_SECURITY_TYPE", kind);
    ends(HostCommand::bare(), UNUSABLE, &["host thermostat.wasm"]);
    ends(
        host(&thermostat).without("IOTHUB_DEVICE_SECURITY_TYPE"),
        UNUSABLE,
        &["IOTHUB_DEVICE_SECURITY_TYPE", "DPS", "connectionString"],
    );
    ends(
        typed("dps"),
        UNUSABLE,
        &["\"dps\"", "\"DPS\"", "\"connectionString\""],
    );
    ends(
        host(&thermostat).without("IOTHUB_DEVICE_CONNECTION_STRING"),
        UNUSABLE,
        &["IOTHUB_DEVICE_CONNECTION_STRING is not set"],
    );
    for variable in [
        "IOTHUB_DEVICE_DPS_ID_SCOPE",
        "IOTHUB_DEVICE_DPS_DEVICE_ID",
        "IOTHUB_DEVICE_DPS_DEVICE_KEY",
    ] {
        ends(
            dps(&thermostat).without(variable),
            UNUSABLE,
            &[variable, "is not set"],
        );
    }
    ends(
        dps(&thermostat).env("IOTHUB_DEVICE_DPS_DEVICE_KEY", "no base64!"),
        UNUSABLE,
        &["IOTHUB_DEVICE_DPS_DEVICE_KEY", "base64"],
    );
    ends(
        dps(&thermostat).env("IOTHUB_DEVICE_DPS_GROUP_KEY", KEY),
        UNUSABLE,
        &["IOTHUB_DEVICE_DPS_DEVICE_KEY and IOTHUB_DEVICE_DPS_GROUP_KEY are both set"],
    );
    ends(
        dps(&thermostat).env("IOTHUB_DEVICE_DPS_ENDPOINT", "name:port"),
        UNUSABLE,
        &["IOTHUB_DEVICE_DPS_ENDPOINT", "NAME:PORT"],
    );
}

#[test]
fn a_connection_string_that_cannot_be_used_is_told_by_its_part() {
    for (text, words) in [
        ("nonsense", "part 1"),
        ("HostName=h;DeviceId=d", "no SharedAccessKey"),
        (&format!("DeviceId=d;SharedAccessKey={KEY}"), "no HostName"),
        (&format!("HostName=h;SharedAccessKey={KEY}"), "no DeviceId"),
        (
            &format!("HostName=h:x;DeviceId=d;SharedAccessKey={KEY}"),
            "HostName",
        ),
        (
            &format!("HostName=h;DeviceId=d;SharedAccessKey=*{KEY}"),
            "base64",
        ),
        (
            &format!("HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"),
            "service policies are not supported",
        ),
    ] {
        ends(
            host(&thermostat()).env("IOTHUB_DEVICE_CONNECTION_STRING", text),
            UNUSABLE,
            &["IOTHUB_DEVICE_CONNECTION_STRING", words],
        );
    }
}

#[test]
fn a_secret_in_the_wrong_variable_is_not_shown() {
    let string = format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}");
    for variable in [
        "IOTHUB_DEVICE_SECURITY_TYPE",
        "IOTHUB_DEVICE_DPS_ENDPOINT",
        "IOTHUB_DEVICE_DPS_ID_SCOPE",
        "IOTHUB_DEVICE_DPS_DEVICE_ID",
    ] {
        for secret in [KEY, &string] {
            ends(
                dps(&thermostat()).env(variable, secret),
                UNUSABLE,
                &[variable],
            );
        }
    }
}

#[test]
fn a_secret_that_is_in_no_file_or_in_two_places_is_told_by_the_variable() {
    const OWN: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";
    const BY_FILE: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY_FILE";
    let thermostat = thermostat();
    let names = |file: &Path| dps(&thermostat).without(OWN).env(BY_FILE, file);
    ends(names(Path::new(KEY)), UNUSABLE, &[BY_FILE, "(hidden)"]);
    ends(
        names(Path::new("/no/such.key")),
        UNUSABLE,
        &[BY_FILE, "\"/no/such.key\"", "No such file", "write"],
    );
    ends(names(Path::new("/")), UNUSABLE, &[BY_FILE, "directory"]);
    let both = format!("{OWN} and {BY_FILE} are both set");
    ends(dps(&thermostat).env(BY_FILE, "/key"), UNUSABLE, &[&both]);
    let two_keys = dps(&thermostat)
        .env("IOTHUB_DEVICE_DPS_GROUP_KEY", KEY)
        .in_file("IOTHUB_DEVICE_DPS_GROUP_KEY");
    let both = format!("{OWN} and IOTHUB_DEVICE_DPS_GROUP_KEY_FILE are both set");
    ends(two_keys, UNUSABLE, &[&both]);
    for (content, why) in [("", "is empty"), (&*KEY.repeat(100), "more than 4096")] {
        let host = dps(&thermostat).env(OWN, content).in_file(OWN);
        ends(host, UNUSABLE, &[BY_FILE, why]);
    }
}

#[test]
fn a_file_with_something_else_than_the_secret_is_named_and_not_shown() {
    let cut_off = &KEY[1..];
    let string = "IOTHUB_DEVICE_CONNECTION_STRING";
    let host_string = host(&thermostat()).env(string, format!("HostName=h;{cut_off}"));
    for (host, variable) in [
        (
            dps(&thermostat()).env("IOTHUB_DEVICE_DPS_DEVICE_KEY", cut_off),
            "IOTHUB_DEVICE_DPS_DEVICE_KEY",
        ),
        (host_string, string),
    ] {
        let by_file = format!("({variable}_FILE): ");
        let line = ends(host.in_file(variable), UNUSABLE, &["cannot use ", &by_file]);
        assert!(!line.contains(cut_off), "{line}");
    }
}

#[test]
fn files_and_folders_that_cannot_be_used_are_named() {
    let thermostat = thermostat();
    ends(
        host(&thermostat).arg("--ca").arg("/no/such.pem"),
        UNUSABLE,
        &["/no/such.pem", "no such file", "PEM"],
    );
    ends(
        host(&thermostat).arg("--ca").arg(&thermostat),
        UNUSABLE,
        &["thermostat.wasm", "no certificate", "PEM"],
    );
    for roots in [Path::new("/no/such.pem"), &thermostat] {
        ends(
            host(&thermostat).env("SSL_CERT_FILE", roots),
            UNUSABLE,
            &["SSL_CERT_FILE", &format!("{roots:?}"), "PEM", "unset"],
        );
    }
    ends(
        host(&thermostat).arg("--cache-dir").arg(&thermostat),
        UNUSABLE,
        &["not a directory", "--cache-dir"],
    );
    ends(
        host(&thermostat).without("HOST_CACHE_DIR"),
        UNUSABLE,
        &["XDG_CACHE_HOME", "HOME", "--cache-dir"],
    );
}

#[test]
fn a_private_key_named_as_an_authority_is_not_shown() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("key.pem");
    let pem = |line_end: &str| {
        format!(
            "-----BEGIN PRIVATE KEY-----{line_end}{KEY}{line_end}-----END PRIVATE KEY-----{line_end}"
        )
    };
    for text in [pem("\n"), pem(""), pem("").replace("-----END", "----END")] {
        fs::write(&file, text).expect("it can be written");
        for (host, setting) in [
            (host(&thermostat()).arg("--ca").arg(&file), "--ca"),
            (
                host(&thermostat()).env("SSL_CERT_FILE", &file),
                "SSL_CERT_FILE",
            ),
        ] {
            let line = ends(host, UNUSABLE, &["key.pem", "private key", setting, "PEM"]);
            // Nor as bytes.
            assert!(!line.contains("80, 82"), "{line}");
        }
    }
}

#[test]
fn an_authority_saved_by_a_windows_editor_is_trusted() {
    let cloud = Cloud::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ca.pem");
    let pem = fs::read_to_string(cloud.certificate()).expect("the cloud writes it");
    let windows = format!("\u{feff}{}", pem.replace('\n', "\r\n"));
    fs::write(&file, windows).expect("it can be written");
    let enrolled = || HostCommand::of(&thermostat()).enrolled(&cloud, "pem-1");
    for host in [
        enrolled().env("SSL_CERT_FILE", &file),
        enrolled().without("SSL_CERT_FILE").arg("--ca").arg(&file),
    ] {
        let mut host = host.start();
        host.stdout.wait_for("Sent message");
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn settings_the_component_does_not_take_are_told_in_its_words() {
    let thermostat = thermostat();
    ends(
        host(&thermostat).set("colour", "red"),
        UNUSABLE,
        &[
            "thermostat.wasm",
            "\"colour\"",
            "telemetry-interval",
            "--set colour",
        ],
    );
    ends(
        host(&thermostat).set("telemetry-interval", "soon"),
        UNUSABLE,
        &["\"soon\"", "8s", "--set"],
    );
}

#[test]
fn a_wrong_command_line_shows_how_it_is_written() {
    for (arguments, words) in [
        (&["--set", "novalue"][..], "KEY=VALUE"),
        (&["--no-such-option"], "--help"),
        (&["--limit", "ram=1GiB"], "memory, table-elements"),
        (&["--limit", "memory=much"], "a size, such as"),
        (&["--limit", "memory=0"], "from 64 KiB to 4 GiB"),
        (&["--log-format", "xml"], "text"),
    ] {
        let host = arguments
            .iter()
            .fold(host(&thermostat()), |host, argument| host.arg(argument));
        let mut process = host.start();
        assert_eq!(process.wait().code(), Some(UNUSABLE));
        assert!(
            process.stderr.text().contains(words),
            "{}",
            process.stderr.text()
        );
    }
}

#[test]
fn a_word_of_an_earlier_version_is_answered_with_the_new_one() {
    let thermostat = thermostat();
    for (arguments, words) in [
        (
            &["--telemetry-interval", "8s"][..],
            "--telemetry-interval is now --set telemetry-interval=DURATION",
        ),
        (&["--token-life=1h"], "--token-life is now --sas-token-ttl"),
        (&["--limit", "parts=3"], "parts is now instances"),
    ] {
        let host = arguments
            .iter()
            .fold(host(&thermostat), |host, argument| host.arg(argument));
        let mut process = host.start();
        assert_eq!(process.wait().code(), Some(UNUSABLE));
        let text = process.stderr.text();
        assert!(
            text.starts_with("error: ") && text.contains(words),
            "{text}"
        );
    }
    for (old, new) in [
        (
            "HOST_TELEMETRY_INTERVAL",
            "HOST_SET=telemetry-interval=DURATION",
        ),
        ("HOST_TOKEN_LIFE", "HOST_SAS_TOKEN_TTL"),
    ] {
        let words = format!("{old} is now {new}");
        ends(host(&thermostat).env(old, "8s"), UNUSABLE, &[&words]);
    }
}

#[test]
fn a_mistyped_command_is_answered_with_a_similar_one() {
    let mut process = HostCommand::bare().arg("statsu").start();
    assert_eq!(process.wait().code(), Some(UNUSABLE));
    let text = process.stderr.text();
    for words in ["error: unrecognized subcommand 'statsu'", "'status'"] {
        assert!(text.contains(words), "{text}");
    }
}
