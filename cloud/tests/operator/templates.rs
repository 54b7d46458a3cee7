use cloud::store::StoreLocation;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{Answer, Site};

const THERMOSTAT: &str = "dtmi:com:example:Thermostat;1";
const READER: &str = "registryRead";
const WRITER: &str = "registryReadWrite";

fn views(name: &str) -> Value {
    json!([{"name": name, "tiles": [
        {"kind": "value", "shows": [{"name": "temperature"}], "columns": 1, "rows": 1},
    ]}])
}

fn arrange(site: &Site, name: &str, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/api/templates/{THERMOSTAT}");
    let body = json!({"views": views(name)}).to_string();
    site.send(WRITER, "PUT", &path, headers, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_arranged_in_a_draft_and_seen_when_it_is_published() {
    let site = Site::start().await;
    let path = format!("/api/templates/{THERMOSTAT}");
    let none = site.get(READER, &path);
    assert_eq!(
        (none.status, none.name.as_deref()),
        (404, Some("TemplateNotFound"))
    );

    let drafted = arrange(&site, "Overview", &[]);
    assert_eq!(
        (drafted.status, &drafted.json["draft"]),
        (200, &views("Overview"))
    );
    assert_eq!(drafted.json["versions"], json!([]));
    let published = site.call(WRITER, "POST", &format!("{path}/publish"), &json!({}));
    assert_eq!(published.json["versions"][0]["version"], 1);
    assert_eq!(published.json["versions"][0]["views"], views("Overview"));

    arrange(&site, "Other", &[]);
    let template = site.get(READER, &path).json;
    assert_eq!(template["draft"], views("Other"));
    assert_eq!(template["versions"].as_array().unwrap().len(), 1);
    assert_eq!(template["versions"][0]["views"], views("Overview"));

    assert_eq!(site.delete(WRITER, &path).status, 204);
    assert_eq!(site.get(READER, "/api/templates").json, json!([]));
    assert_eq!(site.delete(WRITER, &path).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_tells_what_is_published_and_whether_the_draft_differs() {
    let site = Site::start().await;
    let listed = || site.get(READER, "/api/templates").json[0].clone();
    let first = arrange(&site, "Overview", &[]).etag.unwrap();
    let drafted = json!({"model": THERMOSTAT, "etag": first.trim_matches('"'), "version": null, "published": null, "changed": true});
    assert_eq!(listed(), drafted);
    let path = format!("/api/templates/{THERMOSTAT}/publish");
    let published = site.call(WRITER, "POST", &path, &json!({})).json;
    let summary = listed();
    assert_eq!(
        (&summary["version"], &summary["changed"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(summary["published"], published["versions"][0]["published"]);
    arrange(&site, "Other", &[]);
    assert_eq!(listed()["changed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_arranges_what_another_has_changed_meanwhile_is_told() {
    let site = Site::start().await;
    let any = [("if-match", "*")];
    assert_eq!(arrange(&site, "a", &any).status, 404);
    let none = [("if-none-match", "*")];
    let first = arrange(&site, "a", &none).etag.unwrap();
    assert_eq!(arrange(&site, "b", &none).status, 412);
    assert_eq!(arrange(&site, "b", &[("if-match", &first)]).status, 200);
    let late = arrange(&site, "c", &[("if-match", &first)]);
    assert_eq!(
        (late.status, late.name.as_deref()),
        (412, Some("PreconditionFailed"))
    );
    let path = format!("/api/templates/{THERMOSTAT}/publish");
    let late = site.send(WRITER, "POST", &path, &[("if-match", &first)], "");
    assert_eq!(late.status, 412);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_cannot_be_is_refused_and_leaves_nothing() {
    let site = Site::start().await;
    let path = format!("/api/templates/{THERMOSTAT}");
    for body in [
        json!({}),
        json!({"views": [{"name": "", "tiles": []}]}),
        json!({"views": [{"name": "v", "tiles": [{"kind": "gauge", "shows": []}]}]}),
        json!({"views": [], "else": 1}),
    ] {
        assert_eq!(site.call(WRITER, "PUT", &path, &body).status, 400, "{body}");
    }
    let empty = json!({"views": []});
    assert_eq!(
        site.call(WRITER, "PUT", "/api/templates/x", &empty).status,
        400
    );
    assert_eq!(site.get(READER, "/api/templates").json, json!([]));
}

fn kettle() -> Value {
    json!({
        "@context": "dtmi:dtdl:context;2", "@id": "dtmi:com:example:Kettle;1", "@type": "Interface",
        "contents": [
            {"@type": "Telemetry", "name": "water", "schema": "double"},
            {"@type": "Component", "name": "lid", "schema": "dtmi:com:example:Lid;1"},
        ],
    })
}

fn lid() -> Value {
    json!({
        "@context": "dtmi:dtdl:context;2", "@id": "dtmi:com:example:Lid;1", "@type": "Interface", "contents": [],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_added_whole_or_not_at_all() {
    let site = Site::start().await;
    let path = "/api/models/dtmi:com:example:Kettle;1";
    let add = |document: &Value| site.call(WRITER, "PUT", path, document);
    let refused = |document: &Value| {
        let answer = add(document);
        assert_eq!(answer.status, 400, "{}", answer.json);
        answer.json["message"].as_str().unwrap().to_owned()
    };
    assert!(refused(&kettle()).contains("interface dtmi:com:example:Lid;1 not found"));
    assert!(refused(&lid()).contains("the document has no interface dtmi:com:example:Kettle;1"));
    let mut broken = kettle();
    broken["contents"][0]["schema"] = json!("temperature");
    assert!(refused(&broken).contains("/contents/0/schema"));
    assert_eq!(site.get(READER, path).status, 404);

    let added = add(&json!([kettle(), lid()]));
    assert_eq!(
        (added.status, &added.json),
        (200, &json!([kettle(), lid()]))
    );
    assert_eq!(site.get(READER, path).json, added.json);
    let ids = site.get(READER, "/api/models").json["ids"].to_string();
    assert!(
        ids.contains("Kettle;1") && ids.contains(THERMOSTAT),
        "{ids}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_and_models_survive_a_restart() {
    let dir = TempDir::new().unwrap();
    let start = || Site::start_with(StoreLocation::File(dir.path().join("cloud.db")), 1 << 30);
    let site = start().await;
    assert_eq!(arrange(&site, "Kept", &[]).status, 200);
    let model = "/api/models/dtmi:com:example:Lid;1";
    assert_eq!(site.call(WRITER, "PUT", model, &lid()).status, 200);
    let exported = "/api/models/dtmi:com:example:Pump;1";
    let added = site.call(WRITER, "PUT", exported, &exported_template());
    assert_eq!(added.status, 200, "{}", added.json);
    site.cloud.stop().await;
    let site = start().await;
    let template = site.get(READER, &format!("/api/templates/{THERMOSTAT}"));
    assert_eq!(template.json["draft"], views("Kept"));
    assert_eq!(site.get(READER, model).json, json!([lid()]));
    let pump = site.get(READER, exported).json;
    assert_eq!(pump, added.json);
    assert_eq!(pump[0]["contents"][0]["durable"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_template_without_a_context_is_added_and_one_of_the_preview_is_explained() {
    let site = Site::start().await;
    let path = "/api/models/dtmi:com:example:Pump;1";
    let mut template = exported_template();
    template.as_object_mut().unwrap().remove("@context");
    let added = site.call(WRITER, "PUT", path, &template);
    assert_eq!(added.status, 200, "{}", added.json);
    assert_eq!(added.json[0]["contents"][0]["durable"], true);

    template["capabilityModel"]["@type"] = json!("CapabilityModel");
    let refused = site.call(WRITER, "PUT", path, &template);
    let message = refused.json["message"].as_str().unwrap();
    assert!(
        refused.status == 400
            && message
                .contains("/capabilityModel: a model in the format of the IoT Central preview"),
        "{message}"
    );
    assert_eq!(site.get(READER, path).json, added.json);
}

/// A device template as IoT Central exports it.
fn exported_template() -> Value {
    json!({
        "@id": "dtmi:modelDefinition:example:pump;1",
        "@type": ["ModelDefinition", "DeviceModel"],
        "@context": ["dtmi:iotcentral:context;2", "dtmi:dtdl:context;2"],
        "displayName": "Pump",
        "capabilityModel": {
            "@id": "dtmi:com:example:Pump;1",
            "@type": "Interface",
            "contents": [{"@type": "Command", "name": "prime", "durable": true}]
        }
    })
}
