//! The host's own Plug and Play component on the twin: the running version and the last swap. Its interface is
//! `models/dtmi/com/example/devicehost-1.json`.

use serde_json::{Map, Value, json};

use super::{History, SwapStep, Versions};
use crate::hub::twin::{HOST_COMPONENT, component_report};

/// Builds the reported patch of the host's component.
pub(crate) fn host_report(versions: &Versions, history: &History) -> Map<String, Value> {
    let running = versions.running.as_ref();
    let last = history.last_swap();
    // The step with a pause of the version the last step is about: a rejected one pauses nothing.
    let paused = last.filter(|last| last.step != SwapStep::Rejected);
    let pause = paused.and_then(|_| history.entries().iter().rev().find_map(|it| it.pause_ms));
    let properties = [
        ("name", json!(running.map(|it| &it.info.name))),
        ("version", json!(running.map(|it| &it.info.version))),
        ("sha256", json!(running.map(|it| &it.info.sha256))),
        ("since", json!(running.map(|it| it.since))),
        ("lastSwapResult", json!(last.map(|it| it.step))),
        (
            "lastSwapReason",
            json!(last.and_then(|it| it.reason.as_deref())),
        ),
        ("lastSwapPause", json!(pause)),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value));
    component_report(Some(HOST_COMPONENT), properties.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_reported_is_what_the_model_names() {
        let model = include_str!("../../../models/dtmi/com/example/devicehost-1.json");
        let model: Value = serde_json::from_str(model).unwrap();
        let contents = model["contents"].as_array().unwrap().iter();
        let named: BTreeSet<_> = contents
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect();
        let report = host_report(&Versions::default(), &History::default());
        let mut reported: BTreeSet<_> = report[HOST_COMPONENT]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert!(reported.remove("__t"));
        assert_eq!(reported, named);
    }

    #[test]
    fn each_step_the_history_keeps_is_a_result_the_model_names() {
        let model = include_str!("../../../models/dtmi/com/example/devicehost-1.json");
        for step in SwapStep::ALL {
            let is_result = step.is_recorded() && step != SwapStep::Failed;
            let named = model.contains(&format!("\"enumValue\": \"{step}\""));
            assert_eq!(is_result, named, "{step}");
        }
    }
}
