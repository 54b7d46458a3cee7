//! Desired properties: whenever they are set, and whatever they belong to.

use end_to_end::{Cloud, HostCommand, Process, guest, thermostat};
use serde_json::{Value, json};

fn started(cloud: &Cloud) -> Process {
    let mut host = HostCommand::of(&thermostat())
        .enrolled(cloud, "t-1")
        .start();
    host.stdout.wait_for("Sent message");
    host
}

fn applied(value: Value, version: u64) -> Value {
    json!({"value": value, "ac": 200, "av": version, "ad": "Successfully executed patch"})
}

#[test]
fn what_was_set_while_the_device_was_off_is_applied_at_start() {
    let cloud = Cloud::start();
    started(&cloud).stop();
    cloud.operate(&["set", "--no-wait", "targetTemperature", "19"]);
    cloud.operate(&["set", "--no-wait", "targetTemperature", "21"]);
    cloud.operate(&["set", "--no-wait", "colour", "red"]);
    let mut events = cloud.events();
    let _host = started(&cloud);
    let report = events.find("acknowledgments", |event| {
        let patch = event.get("patch")?;
        patch.get("colour")?;
        Some(patch.clone())
    });
    assert_eq!(report["targetTemperature"], applied(json!(21), 4));
    assert_eq!(report["colour"]["ac"], 404);
    assert_eq!(report["colour"]["av"], 4);
}

#[test]
fn what_was_set_during_an_outage_is_applied_after_it() {
    let cloud = Cloud::start();
    let mut host = started(&cloud);
    cloud.set(&["targetTemperature", "20"]);
    cloud.fault(&["refuse", "on"]);
    cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    cloud.operate(&["set", "--no-wait", "targetTemperature", "22"]);
    let mut events = cloud.events();
    cloud.fault(&["refuse", "off"]);
    events.find("the new value", |event| {
        (event["patch"]["targetTemperature"] == applied(json!(22), 3)).then_some(())
    });
}

#[test]
fn a_value_that_the_hub_does_not_take_back_costs_no_other_acknowledgment() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "s-1")
        .start();
    host.stdout.wait_for("Listening");
    cloud.fault(&["refuse", "on"]);
    cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    // As deep as a desired property may be: its acknowledgment is a level deeper.
    let deep = (0..9).fold(json!(1), |value, _| json!({ "level": value }));
    let mut events = cloud.events();
    for (name, value) in [("first", "1"), ("deep", &deep.to_string()), ("last", "1")] {
        let set = cloud.operate(&["set", "--no-wait", name, value]);
        assert_eq!(set.code, 0, "{}", set.stderr);
    }
    cloud.fault(&["refuse", "off"]);
    for name in ["first", "deep", "last"] {
        events.search_anew();
        assert_eq!(events.reported(name)["ac"], 200);
    }
}

#[test]
fn as_much_as_a_hub_keeps_is_acknowledged_though_not_every_value_fits_the_reported_properties() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "s-1")
        .start();
    host.stdout.wait_for("Listening");
    cloud.fault(&["refuse", "on"]);
    cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    let names: Vec<_> = (0..8).map(|n| format!("large{n}")).collect();
    let long = json!("x".repeat(4090)).to_string();
    for name in &names {
        let set = cloud.operate(&["set", "--no-wait", name, &long]);
        assert_eq!(set.code, 0, "{}", set.stderr);
    }
    let mut events = cloud.events();
    cloud.fault(&["refuse", "off"]);
    for name in &names {
        events.search_anew();
        let answer = events.reported(name);
        assert_eq!((&answer["ac"], &answer["av"]), (&json!(200), &json!(9)));
    }
    host.stderr.wait_for("acknowledgments shortened");
}

#[test]
fn a_value_the_component_fails_at_costs_no_other_property_that_changed_with_it() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&guest("faulty"))
        .enrolled(&cloud, "f-1")
        .start();
    host.stdout.wait_for("Listening");
    cloud.fault(&["refuse", "on"]);
    cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    let mut events = cloud.events();
    cloud.operate(&["set", "--no-wait", "fault", "trap"]);
    cloud.operate(&["set", "--no-wait", "good", "1"]);
    cloud.fault(&["refuse", "off"]);
    for (name, status) in [("fault", 500), ("good", 200)] {
        events.search_anew();
        assert_eq!(events.reported(name)["ac"], status, "{name}");
    }
}

#[test]
fn what_was_removed_during_an_outage_is_removed_after_it() {
    let cloud = Cloud::start();
    let mut host = started(&cloud);
    cloud.set(&["targetTemperature", "20"]);
    cloud.fault(&["refuse", "on"]);
    cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    cloud.operate(&["set", "--no-wait", "targetTemperature", "null"]);
    let mut events = cloud.events();
    cloud.fault(&["refuse", "off"]);
    events.find("the removal", |event| {
        let acknowledgment = event["patch"].get("targetTemperature")?;
        (acknowledgment["av"] == 3).then_some(())
    });
}

#[test]
fn what_did_not_change_is_acknowledged_again_but_not_applied_again() {
    let cloud = Cloud::start();
    let mut host = started(&cloud);
    cloud.set(&["targetTemperature", "20"]);
    host.stdout.wait_for("targetTemperature (200)");
    cloud.fault(&["refuse", "on"]);
    cloud.fault(&["reset"]);
    host.stderr.wait_for("not connected");
    cloud.operate(&["set", "--no-wait", "colour", "red"]);
    let mut events = cloud.events();
    cloud.fault(&["refuse", "off"]);
    events.find("the acknowledgment under the new version", |event| {
        (event["patch"]["targetTemperature"] == applied(json!(20), 3)).then_some(())
    });
    let handled = host.stdout.wait_for("Handled desired properties");
    assert_eq!(
        handled,
        "Handled desired properties: colour (404: unknown property)"
    );
}

#[test]
fn components_of_one_device_keep_their_properties_and_commands_apart() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let mut host = HostCommand::of(&guest("components"))
        .enrolled(&cloud, "t-1")
        .start();
    host.stdout.wait_for("Sent message");
    for (component, target) in [("thermostat1", 20), ("thermostat2", 30)] {
        let highest = events.reported(component);
        assert_eq!(highest["__t"], "c");
        assert!(highest["maxTempSinceLastReboot"].is_f64(), "{highest}");
        let value = target.to_string();
        let set = ["--component", component, "targetTemperature", &value];
        assert_eq!(cloud.set(&set)["ac"], 200);
    }
    for (component, target) in [("thermostat1", 20), ("thermostat2", 30)] {
        let reply = cloud.call(&["--component", component, "getMaxMinReport"]);
        let expected = json!({"component": component, "target": target});
        assert_eq!((reply.status, reply.payload), (200, expected));
    }
    assert_eq!(cloud.call(&["getMaxMinReport"]).status, 404);
    assert_eq!(cloud.call(&["reboot"]).status, 200);
}

#[test]
fn telemetry_names_the_component_it_comes_from() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let _host = HostCommand::of(&guest("components"))
        .set("interval", "50ms")
        .enrolled(&cloud, "t-1")
        .start();
    let (first, second) = (events.next("telemetry"), events.next("telemetry"));
    assert_eq!(first["component"], "thermostat1");
    assert_eq!(first["body"], json!({"temperature": 21.5}));
    assert_eq!(second["component"], "thermostat2");
    assert_eq!(second["body"], json!({"temperature": 34.25}));
}
