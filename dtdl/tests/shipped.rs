//! The models of this repository, read as anyone would read them.

use dtdl::{Models, Schema};
use serde_json::json;

fn models() -> Models {
    Models::in_directory(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"))
}

#[test]
fn every_model_of_the_repository_can_be_put_together() {
    let models = models();
    assert_eq!(models.refresh().count(), 4);
    let listing = models.list();
    assert!(listing.broken.is_empty(), "{:?}", listing.broken);
    let ids: Vec<_> = listing.ids.iter().map(ToString::to_string).collect();
    assert_eq!(
        ids,
        [
            "dtmi:azure:DeviceManagement:DeviceInformation;1",
            "dtmi:com:example:DeviceHost;1",
            "dtmi:com:example:TemperatureController;1",
            "dtmi:com:example:Thermostat;1",
        ]
    );
    for id in &listing.ids {
        models.resolve(id).unwrap();
    }
}

#[test]
fn a_form_can_be_drawn_from_the_thermostat() {
    let model = models()
        .resolve(&"dtmi:com:example:Thermostat;1".parse().unwrap())
        .unwrap();
    let target = model.root().property("targetTemperature").unwrap();
    assert!(target.writable);
    assert_eq!(
        target.datum.info.display_name.get(),
        Some("Target temperature")
    );
    assert_eq!(*target.datum.schema, Schema::Double);
    assert_eq!(
        target.datum.unit.as_ref().and_then(dtdl::Unit::symbol),
        Some("°C")
    );
    let drawn = serde_json::to_value(target).unwrap();
    assert_eq!(
        drawn,
        json!({
            "name": "targetTemperature",
            "displayName": {"en": "Target temperature"},
            "description": {"en": "What the thermostat aims for."},
            "semanticTypes": ["Temperature"],
            "unit": {"name": "degreeCelsius", "symbol": "°C"},
            "schema": {"kind": "double"},
            "writable": true
        })
    );
}

#[test]
fn a_command_of_a_component_takes_what_its_interface_says() {
    let id = "dtmi:com:example:TemperatureController;1".parse().unwrap();
    let model = models().resolve(&id).unwrap();
    assert!(model.interface(Some("thermostat3")).is_none());
    let thermostat = model.interface(Some("thermostat2")).unwrap();
    let report = thermostat.command("getMaxMinReport").unwrap();
    assert_eq!(report.validate_request(&json!("2026-01-31T12:00:00Z")), []);
    let violations = report.validate_request(&json!("yesterday"));
    assert_eq!(violations[0].found, "\"yesterday\"");
    let violations =
        report.validate_response(&json!({"maxTemp": 23.5, "minTemp": "low", "startTime": null}));
    let pointers: Vec<_> = violations
        .iter()
        .map(|violation| violation.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/minTemp", "/startTime"]);
}

#[test]
fn what_microsofts_sample_reports_beyond_its_model_is_told_apart() {
    let model = models()
        .resolve(&"dtmi:com:example:Thermostat;1".parse().unwrap())
        .unwrap();
    let reported = json!({
        "serialNumber": "alohomora",
        "maxTempSinceLastReboot": 38.7,
        "targetTemperature": {"value": 21, "ac": 200, "av": 2, "ad": "Success"},
        "$version": 5
    });
    let findings = model.validate_reported(&reported);
    assert_eq!(findings.violations, []);
    assert_eq!(findings.unmodeled, ["/serialNumber"]);
}
