use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{
    device::Device,
    process::{Service, code, stderr},
    site::{Answer, OWNER, Site},
};

fn ask(site: &Site, query: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"query": query}).to_string();
    site.send(OWNER, "POST", "/devices/query", headers, &body)
}

fn continuation(answer: &Answer) -> Option<String> {
    answer.header("x-ms-continuation").map(str::to_owned)
}

/// Three devices, of which the first is connected and has reported something.
async fn three_devices() -> (Site, Device) {
    let site = Site::start().await;
    let mut device = site.device("t-1").await;
    device.subscribe("$iothub/twin/res/#").await;
    let report = "$iothub/twin/PATCH/properties/reported/?$rid=1";
    device.publish(report, r#"{"temperature": 21.5}"#).await;
    device.message().await;
    for (id, floor) in [("t-2", 1), ("t-3", 2)] {
        site.register(id);
        let tags = json!({"tags": {"floor": floor}});
        site.call(OWNER, "PATCH", &format!("/twins/{id}"), &tags);
    }
    (site, device)
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_twins_are_as_the_service_shows_them() {
    let (site, _device) = three_devices().await;
    let answer = ask(&site, "select * from devices", &[]);
    assert_eq!(
        (answer.status, answer.header("x-ms-item-type")),
        (200, Some("Twin"))
    );
    let twins = ["t-1", "t-2", "t-3"].map(|id| site.get(OWNER, &format!("/twins/{id}")).json);
    assert_eq!(answer.json, json!(twins));
    assert_eq!(continuation(&answer), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_device_and_operator_say_can_be_asked_for() {
    let (site, _device) = three_devices().await;
    let rows = |query: &str| {
        let answer = ask(&site, query, &[]);
        assert_eq!(
            (answer.status, answer.header("x-ms-item-type")),
            (200, Some("Raw"))
        );
        answer.json
    };
    assert_eq!(
        rows("SELECT deviceId, modelId FROM devices WHERE connectionState = 'Connected'"),
        json!([{"deviceId": "t-1", "modelId": "dtmi:com:example:Thermostat;1"}])
    );
    assert_eq!(
        rows("SELECT deviceId AS id FROM devices WHERE properties.reported.temperature > 20"),
        json!([{"id": "t-1"}])
    );
    assert_eq!(
        rows(
            "SELECT tags.floor, COUNT() AS n FROM devices WHERE tags.floor >= 1 GROUP BY tags.floor"
        ),
        json!([{"floor": 1, "n": 1}, {"floor": 2, "n": 1}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_in_pages_of_the_size_asked_for() {
    let site = Site::start().await;
    (0..130).for_each(|id| site.register(&format!("d-{id:03}")));
    let query = "SELECT deviceId FROM devices";
    let (mut sizes, mut rows) = (Vec::new(), Vec::new());
    let mut answer = ask(&site, query, &[("x-ms-max-item-count", "60")]);
    loop {
        let page = answer.json.as_array().unwrap();
        sizes.push(page.len());
        rows.extend(page.clone());
        let Some(token) = continuation(&answer) else {
            break;
        };
        site.delete(
            OWNER,
            &format!(
                "/devices/{}",
                rows.last().unwrap()["deviceId"].as_str().unwrap()
            ),
        );
        answer = ask(
            &site,
            query,
            &[("x-ms-max-item-count", "60"), ("x-ms-continuation", &token)],
        );
    }
    assert_eq!(sizes, [60, 60, 10]);
    let all: Vec<_> = (0..130)
        .map(|id| json!({"deviceId": format!("d-{id:03}")}))
        .collect();
    assert_eq!(rows, all);

    assert_eq!(ask(&site, query, &[]).json.as_array().unwrap().len(), 100);
    let large = ask(&site, query, &[("x-ms-max-item-count", "5000")]);
    assert_eq!(
        (large.json.as_array().unwrap().len(), continuation(&large)),
        (128, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_with_azures_shape_and_the_place() {
    let (site, _device) = three_devices().await;
    let query = "SELECT deviceId FROM devices";
    let first = ask(&site, query, &[("x-ms-max-item-count", "1")]);
    let token = continuation(&first).unwrap();
    let refused = |answer: Answer| {
        assert_eq!(
            (answer.status, answer.name.as_deref()),
            (400, Some("ArgumentInvalid"))
        );
        answer.json["Message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        refused(ask(&site, "SELECT * FORM devices", &[])),
        "ErrorCode:ArgumentInvalid;BadRequest: at position 10 of the query: expected FROM, found FORM"
    );
    refused(ask(
        &site,
        "SELECT * FROM devices",
        &[("x-ms-continuation", &token)],
    ));
    refused(ask(&site, query, &[("x-ms-continuation", &token[1..])]));
    refused(ask(
        &site,
        query,
        &[("x-ms-continuation", "../../etc/passwd")],
    ));
    for count in ["0", "-1", "many"] {
        refused(ask(&site, query, &[("x-ms-max-item-count", count)]));
    }
    for body in ["{}", r#"{"query": 1}"#, "[]", "SELECT"] {
        refused(site.send(OWNER, "POST", "/devices/query", &[], body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_may_be_called_query() {
    let site = Site::start().await;
    site.register("query");
    assert_eq!(site.get(OWNER, "/devices/query").json["deviceId"], "query");
    assert_eq!(
        site.call(OWNER, "POST", "/devices/other", &json!({}))
            .status,
        405
    );
}

/// The cells of the tables that have an example.
fn documented() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../../../docs/query.md").lines();
    let rows = lines.filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
        let example = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
        Some((example, *cells.get(2)?))
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_the_documentation_is_true() {
    let (site, _device) = three_devices().await;
    let documented = documented();
    assert!(documented.len() > 30, "{documented:?}");
    for (example, answered) in documented {
        let answer = ask(&site, example, &[]);
        let expected = match answered {
            "not supported" => 400,
            "not supported: 501" => 501,
            supported => {
                assert!(
                    supported == "supported" || supported.starts_with("differs"),
                    "{example}"
                );
                200
            }
        };
        assert_eq!(answer.status, expected, "{example}: {}", answer.json);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_shows_a_table_or_json() {
    let service = Service::start();
    let _device = service.device("t-1", &[]).await;
    let shown = service.shown(&["query", "SELECT deviceId, status FROM devices"]);
    assert_eq!(shown, "deviceId  status\nt-1       enabled\n");
    let twins = service.shown(&["query", "SELECT * FROM devices"]);
    assert!(
        twins.lines().next().unwrap().contains("connectionState"),
        "{twins}"
    );
    assert_eq!(twins.lines().count(), 2);
    let json = service.shown(&["query", "SELECT COUNT() AS n FROM devices", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&json).unwrap(),
        json!([{"n": 1}])
    );

    let none = service.operate(&["query", "SELECT * FROM devices WHERE false"]);
    assert_eq!((code(&none), stderr(&none).as_str()), (0, "no rows\n"));
    let refused = service.operate(&["query", "SELECT"]);
    assert_eq!(code(&refused), 1);
    assert!(
        stderr(&refused).contains("400 ArgumentInvalid: BadRequest: at position 7"),
        "{}",
        stderr(&refused)
    );
}

/// The longest a task had to wait for its turn until `done` is told.
async fn longest_wait(mut done: oneshot::Receiver<()>) -> Duration {
    let (mut longest, mut last) = (Duration::ZERO, Instant::now());
    while done.try_recv().is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_waits_while_many_twins_are_searched() {
    let site = Site::start().await;
    (0..4000).for_each(|id| site.register(&format!("d-{id}")));
    let condition = vec!["CONTAINS(id, 'x')"; 350].join(" OR ");
    let query = format!("SELECT * FROM devices WHERE {condition}");

    let (done, told) = oneshot::channel();
    let waiting = tokio::spawn(longest_wait(told));
    let asked = Instant::now();
    assert_eq!(ask(&site, &query, &[]).json, json!([]));
    let took = asked.elapsed();
    done.send(()).unwrap();
    let waited = waiting.await.unwrap();
    assert!(waited < took / 2, "{waited:?} of {took:?}");
}
