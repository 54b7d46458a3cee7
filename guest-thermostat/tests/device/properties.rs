//! Desired properties and their answers.

use serde_json::{Value, json};

use crate::{desire, fresh, reported};

#[test]
fn a_target_is_accepted_as_it_was_written() {
    let (mut device, _) = fresh();
    for target in ["23.5", "-50", "150", "0.1", "21"] {
        let answers = device
            .on_desired(None, &format!("{{\"targetTemperature\":{target}}}"))
            .unwrap();
        let answer = (
            answers[0].status,
            answers[0].value.as_str(),
            answers[0].description.as_str(),
        );
        assert_eq!(answer, (200, target, "Successfully executed patch"));
    }
}

#[test]
fn a_wrong_target_is_refused_and_the_one_in_use_stays() {
    let (mut device, _) = fresh();
    let (status, value, why) = desire(&mut device, &json!({"targetTemperature": 151}));
    assert_eq!((status, value), (400, json!(151)));
    assert!(why.contains("-50 to 150"), "{why}");
    desire(&mut device, &json!({"targetTemperature": 20}));
    for wrong in [
        json!(-50.01),
        json!(1e300),
        json!("20"),
        json!(true),
        json!([20]),
        json!({"value": 20}),
    ] {
        let (status, value, why) = desire(&mut device, &json!({"targetTemperature": wrong}));
        assert_eq!((status, value), (400, json!(20)));
        assert!(why.contains("-50 to 150"), "{why}");
    }
}

#[test]
fn a_removed_target_is_cleared() {
    let (mut device, _) = fresh();
    desire(&mut device, &json!({"targetTemperature": 20}));
    let answer = desire(&mut device, &json!({"targetTemperature": null}));
    assert_eq!(
        answer,
        (200, Value::Null, "Successfully executed patch".to_owned())
    );
    assert_eq!(
        desire(&mut device, &json!({"targetTemperature": "x"})).1,
        json!("x")
    );
}

#[test]
fn what_the_device_alone_reports_is_not_to_be_set_and_stays() {
    let (mut device, effects) = fresh();
    let highest = json!(reported(&effects).unwrap());
    for wanted in [json!(99), Value::Null, json!("x")] {
        let desired = json!({"maxTempSinceLastReboot": wanted});
        let (status, value, why) = desire(&mut device, &desired);
        assert_eq!((status, value), (403, highest.clone()));
        assert!(why.contains("read-only"), "{why}");
    }
}

#[test]
fn unknown_properties_and_components_are_answered_404() {
    let (mut device, _) = fresh();
    let (status, value, _) = desire(&mut device, &json!({"color": {"r": 1}}));
    assert_eq!((status, value), (404, json!({"r": 1})));
    let answers = device
        .on_desired(Some("thermostat1"), r#"{"targetTemperature":20,"b":1}"#)
        .unwrap();
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.status)
            .collect::<Vec<_>>(),
        [404, 404]
    );
}

#[test]
fn desired_properties_that_are_no_object_are_an_error() {
    let (mut device, _) = fresh();
    for wrong in ["", "{", "[]", "null", "{\"targetTemperature\":}"] {
        assert!(
            device
                .on_desired(None, wrong)
                .unwrap_err()
                .contains("desired properties"),
            "{wrong}"
        );
    }
}
