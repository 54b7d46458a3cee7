//! Variables as shells, Compose files, Kubernetes and secret stores set them.

use end_to_end::{Cloud, HostCommand, thermostat};

use super::{KEY, UNUSABLE, dps, ends, host};

const KEY_VARIABLE: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";

/// It starts as without the variable: it says that it is not connected, and goes on.
fn starts(command: HostCommand) {
    let mut process = command.start();
    process.stderr.wait_for("not connected");
    assert_eq!(process.stop(), Some(0), "{}", process.stderr.text());
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let all = [
        "HOST_WATCH",
        "HOST_EPHEMERAL",
        "HOST_VERBOSE",
        "HOST_SET",
        "HOST_LIMIT",
        "HOST_METRICS",
        "HOST_CA",
        "HOST_KEEP_ALIVE",
        "HOST_LOG_FORMAT",
        "HOST_OUTBOX_MAX_BYTES",
        "HOST_REPORT_HOST",
        "HOST_TELEMETRY_INTERVAL",
        "IOTHUB_DEVICE_DPS_GROUP_KEY",
        "IOTHUB_DEVICE_DPS_DEVICE_KEY_FILE",
        "SSL_CERT_DIR",
    ];
    starts(
        all.iter()
            .fold(dps(&thermostat()), |host, name| host.env(name, "")),
    );
    let endpoint = dps(&thermostat())
        .env("IOTHUB_DEVICE_DPS_ENDPOINT", "")
        .start();
    let mut endpoint = endpoint;
    endpoint
        .stderr
        .wait_for("global.azure-devices-provisioning.net");
    assert_eq!(endpoint.stop(), Some(0));
}

#[test]
fn a_switch_is_switched_by_any_word_people_use() {
    for (value, is_on) in [
        ("1", true),
        ("True", true),
        ("yes", true),
        ("ON", true),
        ("0", false),
        ("Off", false),
        ("no", false),
    ] {
        let command = host(&thermostat()).env("HOST_EPHEMERAL", value);
        match is_on {
            // The state directory of the test is one too many.
            true => {
                let mut process = command.start();
                assert_eq!(process.wait().code(), Some(UNUSABLE));
                let text = process.stderr.text();
                assert!(
                    text.contains("HOST_STATE_DIR cannot be used with HOST_EPHEMERAL"),
                    "{text}"
                );
            }
            false => starts(command),
        }
        starts(host(&thermostat()).env("HOST_WATCH", value));
    }
}

#[test]
fn an_error_names_the_variable_or_the_option_that_has_the_value() {
    for (variable, option, value) in [
        ("HOST_METRICS", "--metrics", "9184"),
        ("HOST_WATCH", "--watch", "maybe"),
        ("HOST_KEEP_ALIVE", "--keep-alive", "soon"),
        ("HOST_LOG_FORMAT", "--log-format", "xml"),
        ("HOST_SET", "--set", "novalue"),
    ] {
        let mut process = host(&thermostat()).env(variable, value).start();
        assert_eq!(process.wait().code(), Some(UNUSABLE));
        let text = process.stderr.text();
        assert!(text.starts_with("error: "), "{text}");
        assert!(
            text.contains(variable) && text.contains(value) && !text.contains(option),
            "{text}"
        );
        let command = host(&thermostat()).arg(format!("{option}={value}"));
        let mut process = command.start();
        assert_eq!(process.wait().code(), Some(UNUSABLE));
        let text = process.stderr.text();
        assert!(text.contains(option) && !text.contains(variable), "{text}");
    }
}

#[test]
fn the_variables_of_one_command_are_nothing_to_another() {
    let command = |name: &str| {
        HostCommand::bare()
            .arg(name)
            .env("HOST_METRICS", "9184")
            .env("HOST_KEEP_ALIVE", "soon")
            .env("HOST_SET", "novalue")
            .env("HOST_TOKEN_LIFE", "1h")
    };
    let status = command("status");
    ends(status, UNUSABLE, &["no host is running"]);
    ends(command("outbox"), UNUSABLE, &["cannot use state directory"]);
    let completions = command("completions").arg("bash").to_its_end();
    assert_eq!(completions.code, 0, "{}", completions.stderr);
}

#[test]
fn what_is_added_around_a_key_is_dropped() {
    let cloud = Cloud::start();
    let enrolled = || HostCommand::of(&thermostat()).enrolled(&cloud, "w-1");
    let variables = cloud.enroll(&["w-1"]);
    let key = variables.iter().find(|(name, _)| name == KEY_VARIABLE);
    let (_, key) = key.expect("the cloud prints it");
    for text in [
        format!("{key}\r"),
        format!("{key}\n"),
        format!(" \t{key} "),
        format!("\u{feff}{key}\r\n\n"),
        format!("\"{key}\"\r\n"),
    ] {
        for host in [
            enrolled().env(KEY_VARIABLE, &text),
            enrolled().env(KEY_VARIABLE, &text).in_file(KEY_VARIABLE),
        ] {
            let mut process = host.start();
            process.stdout.wait_for("Sent message");
            assert_eq!(process.stop(), Some(0));
        }
    }
}

#[test]
fn quotes_that_are_no_pair_around_a_key_or_a_connection_string_are_named() {
    for (before, after) in [("\"", ""), ("“", "”"), ("'", "\"")] {
        let quoted = |text: &str| format!("{before}{text}{after}");
        let command = dps(&thermostat()).env(KEY_VARIABLE, quoted(KEY));
        ends(command, UNUSABLE, &[KEY_VARIABLE, "starts with a quote"]);
        let string = quoted(&format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}"));
        let variable = "IOTHUB_DEVICE_CONNECTION_STRING";
        let command = host(&thermostat()).env(variable, &string);
        ends(command, UNUSABLE, &[variable, "starts with a quote"]);
        let command = host(&thermostat()).env(variable, &string).in_file(variable);
        ends(command, UNUSABLE, &[variable, "starts with a quote"]);
    }
}

#[test]
fn a_device_id_that_cannot_be_connected_is_named_with_its_character() {
    for (id, words) in [
        ("LightSensor#1", "`#`, which no MQTT topic can carry"),
        ("+44-090809098", "`+`, which no MQTT topic can carry"),
        ("a/b", "'/'"),
        ("a b", "' '"),
        (&*"a".repeat(129), "more than 128 characters"),
    ] {
        let string = format!("HostName=127.0.0.1:1;DeviceId={id};SharedAccessKey={KEY}");
        let command = host(&thermostat()).env("IOTHUB_DEVICE_CONNECTION_STRING", string);
        ends(command, UNUSABLE, &["DeviceId", words]);
    }
}
