use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::provision::{dps::tests::registration, response::MAX_RETRY_AFTER};

/// Plays an exchange up to its answer: each body answers one question; pauses are sat out.
const MODEL: &str = "dtmi:com:example:Thermostat;1";

fn play(answers: &[(&str, Value)]) -> (Vec<String>, Vec<Duration>, ExchangeStep) {
    let registration = registration();
    let mut exchange = Exchange::new(&registration, MODEL, 0xab);
    let (mut topics, mut pauses) = (Vec::new(), Vec::new());
    let mut step = exchange.subscribed();
    let mut answers = answers.iter();
    loop {
        step = match step {
            ExchangeStep::Send { topic, .. } => {
                let request = topic.split(['=', '&']).nth(1).unwrap().to_owned();
                topics.push(topic);
                let (head, body) = answers.next().expect("another question than foreseen");
                let head = head.replace("RID", &request);
                exchange.message(
                    &format!("$dps/registrations/res/{head}"),
                    body.to_string().as_bytes(),
                )
            }
            ExchangeStep::Wait(pause) => {
                pauses.push(pause);
                exchange.on_timer()
            }
            over => return (topics, pauses, over),
        }
    }
}

fn assigning() -> Value {
    json!({"operationId": "5.op/1", "status": "assigning"})
}

fn error_of(answers: &[(&str, Value)]) -> ProvisionError {
    match play(answers).2 {
        ExchangeStep::Done(Err(error)) => error,
        other => panic!("expected an error, got {other:?}"),
    }
}

fn pause_of(answers: &[(&str, Value)]) -> Option<Duration> {
    match error_of(answers) {
        ProvisionError::Retry { after, .. } => after,
        other => panic!("expected to try again, got {other:?}"),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn the_first_question_carries_registration_and_model() {
    let registration = registration();
    let ExchangeStep::Send { topic, payload } =
        Exchange::new(&registration, MODEL, 0xab).subscribed()
    else {
        panic!("a question was expected");
    };
    assert_eq!(topic, "$dps/registrations/PUT/iotdps-register/?$rid=ac");
    let body: Value = serde_json::from_slice(&payload).unwrap();
    let expected = json!({"registrationId": "thermostat-1", "payload": {"modelId": "dtmi:com:example:Thermostat;1"}});
    assert_eq!(body, expected);
}

#[test]
fn a_registration_is_polled_as_told_until_it_is_assigned() {
    let state =
        json!({"assignedHub": "hub.test:18883", "deviceId": "device-1", "status": "assigned"});
    let assigned =
        json!({"operationId": "5.op/1", "status": "assigned", "registrationState": state});
    let (topics, pauses, end) = play(&[
        ("202/?$rid=RID&retry-after=3", assigning()),
        ("202/?$rid=RID", assigning()),
        ("200/?$rid=RID", assigned),
    ]);
    let poll = "$dps/registrations/GET/iotdps-get-operationstatus/?";
    assert_eq!(topics[1], format!("{poll}$rid=ad&operationId=5.op%2F1"));
    assert_eq!(topics[2], format!("{poll}$rid=ae&operationId=5.op%2F1"));
    assert_eq!(pauses, [seconds(3), seconds(2)]);
    let assignment = Assignment {
        hub: "hub.test:18883".to_owned(),
        device_id: "device-1".to_owned(),
    };
    assert_eq!(end, ExchangeStep::Done(Ok(assignment)));
}

#[test]
fn an_unknown_key_or_scope_is_a_refusal_with_the_words_of_the_service() {
    let body = json!({"errorCode": 401_002, "trackingId": "t", "message": "Unauthorized\n"});
    let ProvisionError::Rejected(refusal) = error_of(&[("401/?$rid=RID", body)]) else {
        panic!("a refusal was expected");
    };
    let reason = RejectionReason::Status {
        status: 401,
        code: Some(401_002),
        message: "Unauthorized\\n".to_owned(),
    };
    assert_eq!(refusal.reason, reason);
    assert_eq!(refusal.endpoint, "dps.test:8883");
    assert_eq!(refusal.registration_id, "thermostat-1");
    let not_found = error_of(&[("404/?$rid=RID", Value::Null)]);
    assert!(matches!(not_found, ProvisionError::Rejected(_)));
}

#[test]
fn a_failed_or_disabled_enrollment_is_a_refusal() {
    for name in ["failed", "disabled"] {
        let state = json!({"errorCode": 400_209, "errorMessage": "no hub"});
        let body = json!({"operationId": "o", "status": name, "registrationState": state});
        let error = error_of(&[("202/?$rid=RID", assigning()), ("200/?$rid=RID", body)]);
        let text = error.to_string();
        assert!(matches!(error, ProvisionError::Rejected(_)), "{text}");
        assert!(
            text.contains(&format!("`{name}` (error 400209): no hub")),
            "{text}"
        );
    }
}

#[test]
fn throttling_waits_as_long_as_told_on_either_question() {
    let throttled = |retry| (retry, json!({"errorCode": 429_001}));
    assert_eq!(
        pause_of(&[throttled("429/?$rid=RID&retry-after=7")]),
        Some(seconds(7))
    );
    let poll = [
        ("202/?$rid=RID", assigning()),
        throttled("429/?$rid=RID&retry-after=9"),
    ];
    assert_eq!(pause_of(&poll), Some(seconds(9)));
    assert_eq!(pause_of(&[throttled("429/?$rid=RID")]), None);
}

#[test]
fn an_error_of_the_service_waits_at_least_five_seconds() {
    assert_eq!(
        pause_of(&[("500/?$rid=RID", Value::Null)]),
        Some(seconds(5))
    );
    assert_eq!(
        pause_of(&[("503/?$rid=RID&retry-after=1", Value::Null)]),
        Some(seconds(5))
    );
    assert_eq!(
        pause_of(&[("503/?$rid=RID&retry-after=60", Value::Null)]),
        Some(seconds(60))
    );
}

#[test]
fn an_absurd_pause_is_cut_to_a_day() {
    let head = format!("429/?$rid=RID&retry-after={}", u64::MAX);
    assert_eq!(pause_of(&[(&head, Value::Null)]), Some(seconds(86_400)));
}

#[test]
fn an_answer_that_makes_no_sense_is_tried_again() {
    let hubless =
        json!({"status": "assigned", "registrationState": {"deviceId": "d", "assignedHub": ":x"}});
    let assigned_as = |device_id: &str| {
        let state = json!({"assignedHub": "hub.test", "deviceId": device_id});
        json!({"status": "assigned", "registrationState": state})
    };
    for body in [
        assigned_as(""),
        json!({"status": "assigning", "operationId": "o".repeat(1025)}),
        json!([]),
        json!({}),
        json!({"status": "assigning"}),
        json!({"status": "odd"}),
        hubless,
    ] {
        assert_eq!(pause_of(&[("200/?$rid=RID", body)]), None);
    }
}

#[test]
fn a_device_id_that_cannot_be_connected_is_told_with_its_character() {
    for (id, words) in [
        ("a/b", "'/'"),
        ("a+b", "`+`, which no MQTT topic can carry"),
        ("a\u{0}", "'\\0'"),
        (&*"x".repeat(129), "more than 128"),
    ] {
        let state = json!({"assignedHub": "hub.test", "deviceId": id});
        let body = json!({"status": "assigned", "registrationState": state});
        let error = error_of(&[("200/?$rid=RID", body)]);
        assert!(matches!(error, ProvisionError::Unusable(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("DeviceId") && text.contains(words), "{text}");
    }
}

#[test]
fn a_service_that_answers_neither_subscription_nor_question_is_tried_again() {
    let registration = registration();
    let mut exchange = Exchange::new(&registration, MODEL, 1);
    for step in [exchange.on_timer(), {
        exchange.subscribed();
        exchange.on_timer()
    }] {
        let ExchangeStep::Done(Err(ProvisionError::Retry { message, .. })) = step else {
            panic!("an end was expected");
        };
        assert_eq!(message, "dps.test:8883: no response within 30 s");
    }
}

#[test]
fn answers_to_other_questions_are_passed_over() {
    let registration = registration();
    let mut exchange = Exchange::new(&registration, MODEL, 1);
    exchange.subscribed();
    let body = assigning().to_string();
    let mut answer = |topic: &str| exchange.message(topic, body.as_bytes());
    assert_eq!(
        answer("$dps/registrations/res/401/?$rid=1"),
        ExchangeStep::Continue
    );
    assert_eq!(
        answer("$dps/registrations/res/202/?$rid=2"),
        ExchangeStep::Wait(seconds(2))
    );
    assert_eq!(
        answer("$dps/registrations/res/202/?$rid=2"),
        ExchangeStep::Continue
    );
}

#[test]
fn an_answer_is_quoted_in_one_short_line() {
    let state = "\u{1b}[2J".repeat(100_000);
    let body = json!({"status": "assigned", "registrationState": state});
    let why = error_of(&[("200/?$rid=RID", body)]).to_string();
    assert!(why.len() < 1000, "{} bytes", why.len());
    assert!(!why.contains(char::is_control), "{why}");
}

#[test]
fn a_service_that_never_comes_to_an_end_is_not_asked_without_a_pause() {
    let mut answers = vec![("202/?$rid=RID&retry-after=0", assigning()); 3];
    answers.push(("500/?$rid=RID", Value::Null));
    let (_, pauses, _) = play(&answers);
    assert_eq!(pauses, [MIN_POLL_INTERVAL; 3]);
}

/// An event in an exchange.
#[derive(Clone, Debug)]
enum Happening {
    Subscribed,
    Timer,
    /// A message with this after the number of the question, or of another one.
    Message {
        late: bool,
        status: u16,
        tail: String,
        body: Vec<u8>,
    },
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let status = prop::sample::select(vec!["assigning", "assigned", "failed", "disabled", "x"]);
    let text = || prop::option::of(prop_oneof!["[a-z/+#%\\PC]{0,5}", Just("x".repeat(30_000))]);
    let like_an_answer =
        (status, text(), text(), text()).prop_map(|(status, operation, hub, id)| {
            let state =
                json!({"assignedHub": hub, "deviceId": id, "errorCode": 7, "errorMessage": id});
            json!({"operationId": operation, "status": status, "registrationState": state})
                .to_string()
        });
    let deep = (0..300_usize).prop_map(|depth| "[".repeat(depth) + &"]".repeat(depth));
    let text =
        prop_oneof![3 => like_an_answer, 1 => deep, 1 => ".{0,40}"].prop_map(String::into_bytes);
    prop_oneof![9 => text, 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

fn happening() -> impl Strategy<Value = Happening> {
    let status = prop_oneof![4 => 200..205_u16, 1 => any::<u16>()];
    let tail = "(&retry-after=[0-9]{0,21})?(&.{0,5})?";
    let message =
        (prop::bool::weighted(0.1), status, tail, body()).prop_map(|(late, status, tail, body)| {
            Happening::Message {
                late,
                status,
                tail,
                body,
            }
        });
    prop_oneof![1 => Just(Happening::Subscribed), 3 => Just(Happening::Timer), 6 => message]
}

proptest! {
    #[test]
    fn whatever_happens_it_asks_legally_waits_a_bounded_time_or_ends(
        happenings in prop::collection::vec(happening(), 1..20),
    ) {
        let registration = registration();
        let mut exchange = Exchange::new(&registration, MODEL, 1);
        for happening in happenings {
            let step = match happening {
                Happening::Subscribed => exchange.subscribed(),
                Happening::Timer => exchange.on_timer(),
                Happening::Message { late, status, tail, body } => {
                    let question = exchange.request - u64::from(late);
                    let topic = format!("$dps/registrations/res/{status}/?$rid={question:x}{tail}");
                    exchange.message(&topic, &body)
                }
            };
            match step {
                ExchangeStep::Send { topic, payload } => {
                    prop_assert!(topic.len() < 65_536 && payload.len() < 65_536);
                    prop_assert!(!topic.contains(['+', '#', '\0']), "{topic}");
                }
                ExchangeStep::Wait(pause) => prop_assert!((MIN_POLL_INTERVAL..=MAX_RETRY_AFTER).contains(&pause)),
                ExchangeStep::Continue => {}
                ExchangeStep::Done(end) => {
                    let told = end.map_or_else(|error| error.to_string(), |to| to.device_id);
                    prop_assert!(!told.is_empty() && told.len() < 1000 && !told.contains(char::is_control));
                    break;
                }
            }
        }
    }

    #[test]
    fn nothing_a_server_sends_makes_it_panic(
        head in "([0-9]{1,6})?/?(\\?\\$rid=2)?(&retry-after=[0-9]{0,30})?.{0,9}",
        body in ".{0,40}",
    ) {
        let registration = registration();
        let mut exchange = Exchange::new(&registration, MODEL, 1);
        exchange.subscribed();
        exchange.message(&format!("$dps/registrations/res/{head}"), body.as_bytes());
        exchange.on_timer();
    }
}
