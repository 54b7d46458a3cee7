//! Names and values that IoT Hub rejects, or that are the host's own, are refused where the component can read the reason.

use super::*;

/// The answer of a command with this payload to a fresh instance of `faulty`, and its effects.
async fn answer(name: &str, request: &Value) -> (Value, Vec<Effect>) {
    let component = lab().load(&guest("faulty")).await.unwrap();
    let (instance, _) = start(&component, &[]).await.unwrap();
    let event = command(name, Some(&request.to_string()));
    let (_, outcome) = instance.handle(event).await.unwrap();
    (payload(&outcome), outcome.effects)
}

async fn report(component: Option<&str>, properties: Value) -> (String, Vec<Effect>) {
    let request = json!({"component": component, "properties": properties});
    let (answer, effects) = answer("report", &request).await;
    (answer.as_str().unwrap().to_owned(), effects)
}

#[tokio::test]
async fn the_name_of_the_hosts_own_component_is_refused() {
    for (component, properties) in [
        (Some("host"), json!({"version": "9.9.9"})),
        (None, json!({"host": {"__t": "c", "version": "9.9.9"}})),
        (None, json!({"host": null})),
    ] {
        let (error, effects) = report(component, properties).await;
        assert!(
            error.contains("\"host\" is reserved for the host"),
            "{error}"
        );
        assert_eq!(effects, []);
    }
}

#[tokio::test]
async fn names_and_values_the_hub_rejects_are_refused_with_the_reason() {
    for (properties, reason) in [
        (json!({"a.b": 1}), "invalid name \"a.b\""),
        (json!({"a": {"b c": 1}}), "invalid name \"b c\""),
        (json!({"a": [{"$b": 1}]}), "invalid name \"$b\""),
        (
            json!({"a": 1_u64 << 52}),
            "an integer in \"a\" is 4503599627370496",
        ),
        (
            json!({"a": ["x".repeat(4097)]}),
            "a string in \"a\" is 4097 bytes",
        ),
    ] {
        let (error, effects) = report(None, properties).await;
        assert!(error.contains(reason), "{error}");
        assert_eq!(effects, []);
    }
    let (error, _) = report(Some("a.b"), json!({"c": 1})).await;
    assert!(error.contains("invalid name \"a.b\""), "{error}");
    let (answered, effects) = report(Some("a/b"), json!({"c/d": {"e": [1, null]}})).await;
    assert_eq!(answered, "ok");
    assert_eq!(effects.len(), 1);
}

#[tokio::test]
async fn telemetry_of_a_component_without_a_proper_name_is_refused() {
    let (error, effects) = answer("telemetry", &json!("a\u{1}b")).await;
    let error = error.as_str().unwrap();
    assert!(error.contains("invalid name \"a\\u{1}b\""), "{error}");
    assert_eq!(effects, []);
    let (answered, effects) = answer("telemetry", &json!("thermostat1")).await;
    assert_eq!(answered, "ok");
    assert_eq!(effects.len(), 1);
}

/// The outcome of an acknowledgment, of desired properties of the component if one is given.
async fn acknowledge(
    component: Option<&str>,
    acknowledgment: Value,
) -> Result<Outcome, CallFailure> {
    let loaded = lab().load(&guest("faulty")).await.unwrap();
    let (instance, _) = start(&loaded, &[]).await.unwrap();
    let properties = [("acknowledge".to_owned(), acknowledgment)].into_iter();
    let event = Event::Desired {
        component: component.map(str::to_owned),
        properties: properties.collect(),
    };
    instance.handle(event).await.map(|(_, outcome)| outcome)
}

#[tokio::test]
async fn an_acknowledgment_the_hub_rejects_fails_the_call_with_the_reason() {
    for (component, acknowledgment, reason) in [
        (None, json!({"property": "a.b", "value": 1}), "invalid name"),
        (
            None,
            json!({"property": "a", "value": {"b c": 1}}),
            "invalid name",
        ),
        (
            None,
            json!({"property": "a", "value": 1_u64 << 52}),
            "-2^52",
        ),
        (
            None,
            json!({"property": "host", "value": 1}),
            "reserved for the host",
        ),
        (
            Some("host"),
            json!({"property": "version", "value": "9"}),
            "reserved for the host",
        ),
        (
            None,
            json!({"property": "a", "value": 1, "status": 0}),
            "status 0, not from 100 to 599",
        ),
        (
            None,
            json!({"property": "a", "value": 1, "status": 600}),
            "status 600",
        ),
    ] {
        let failure = acknowledge(component, acknowledgment).await.unwrap_err();
        assert!(!failure.is_trap());
        assert!(failure.reason().contains(reason), "{failure}");
    }
    let legal = json!({"property": "a/b", "value": {"c": ["x"]}, "status": 599});
    assert!(acknowledge(Some("c"), legal).await.is_ok());
}

#[tokio::test]
async fn a_response_without_a_proper_status_fails_the_call() {
    let failure = faulty("status").await.unwrap_err();
    let reason = "the status of the response is 0, not from 100 to 599";
    assert_eq!(failure, CallFailure::Error(reason.to_owned()));
}
