//! A hub that sends anything: what is no command, twin or message leaves the device as it was, and at work.

mod scripted;

use host::{
    contract::behaviour::{Answer, Event},
    mqtt::{Incoming, Receipt, scripted::ClientPacket},
};
use proptest::{collection::vec, prelude::*};
use scripted::{Handled, Scripted, call, reply, run};

fn behave(event: Event, record: &str) -> Handled {
    let answer = match event {
        Event::Command { .. } => return reply("ok", record),
        Event::Desired { .. } => Answer::Acknowledgments(vec![]),
        _ => Answer::None,
    };
    Ok((answer, vec![], record.to_owned()))
}

fn topic() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "",
        "$iothub/twin/res/",
        "$iothub/twin/res/200/?$rid=",
        "$iothub/twin/res/429/?$version=&$rid=",
        "$iothub/methods/POST/",
        "$iothub/methods/POST/a*b/?$rid=",
        "$iothub/twin/PATCH/properties/desired/?$version=",
        "devices/d/messages/devicebound/",
        "devices/e/messages/devicebound/",
    ]);
    let rest = prop_oneof!["[0-9]{0,3}", ".{0,20}", "[%=&/?$+#]{0,9}", "x{30000}"];
    (start, rest).prop_map(|(start, rest)| format!("{start}{rest}"))
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let deep = (0..300_usize).prop_map(|depth| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth));
    let twin = any::<i64>().prop_map(|version| {
        format!("{{\"desired\":{{\"a\":{{\"b\":[1]}},\"$version\":{version}}},\"reported\":{{}}}}")
    });
    let text = prop_oneof![
        deep,
        twin,
        ".{0,20}",
        "null|\\[\\]|\\{\\}|\"\"|1e999|\\{\"a\":"
    ];
    prop_oneof![text.prop_map(String::into_bytes), vec(any::<u8>(), 0..20)]
}

fn incoming() -> impl Strategy<Value = Incoming> {
    let message = (topic(), payload(), prop::option::of(any::<u16>())).prop_map(
        |(topic, payload, receipt)| Incoming::Message {
            topic,
            payload: payload.into(),
            receipt: receipt.map(Receipt),
        },
    );
    prop_oneof![
        8 => message,
        1 => any::<u64>().prop_map(Incoming::Acknowledged),
        1 => Just(Incoming::Subscribed { refused: vec![] }),
    ]
}

/// Sends all this to a device, and then a command; returns how much it sent until it had answered.
async fn sent_until_answered(all: Vec<Incoming>) -> usize {
    let mut bench = run(&Scripted::new(behave));
    let mut connection = bench.connected().await;
    for incoming in all {
        connection.send(incoming);
    }
    call(&connection, "still-there", "last");
    let mut count = 0;
    loop {
        count += 1;
        match connection.next().await.expect("the device has hung up") {
            ClientPacket::Publish { topic, .. } if topic.ends_with("?$rid=last") => {
                assert_eq!(topic, "$iothub/methods/res/200/?$rid=last");
                return count;
            }
            ClientPacket::Publish { topic, .. } => {
                assert!(
                    topic.len() < 65_536 && !topic.contains(['+', '#', '\0']),
                    "{topic}"
                );
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_hub_sends_the_device_answers_the_next_command(all in vec(incoming(), 0..30)) {
        let came = all.len();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sent = runtime.block_on(async {
            let patience = std::time::Duration::from_secs(30);
            tokio::time::timeout(patience, sent_until_answered(all)).await.expect("no answer")
        });
        // An acknowledgment, and an answer or a question, for each.
        prop_assert!(sent <= 2 * came + 2, "{sent} for {came}");
    }
}
