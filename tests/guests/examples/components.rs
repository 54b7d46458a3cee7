//! A device of two Plug and Play components, `thermostat1` and `thermostat2`. Proves that telemetry, reports, desired
//! properties and commands keep the component they belong to.
//!
//! Reports `maxTempSinceLastReboot` of both at start and sends both temperatures each second (setting `interval`, such as
//! `50ms`). `targetTemperature` of either is accepted; a property of the device itself or of another component is
//! answered 404. Command `getMaxMinReport` of either answers with the component and its target; `reboot` of the device
//! itself is done; all others are 404.
#![cfg(target_family = "wasm")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_guests::{
    Acknowledgment, Command, Description, Desired, Device, Reply, Start, acknowledgment,
    description, hub, millis, object, reply, run_timer, telemetry,
};

const COMPONENTS: [(&str, f64); 2] = [("thermostat1", 21.5), ("thermostat2", 34.25)];

struct Controller {
    /// Target temperatures by component.
    targets: BTreeMap<String, Value>,
}

fn is_component(name: &str) -> bool {
    COMPONENTS.iter().any(|(component, _)| *component == name)
}

impl Device for Controller {
    const NAME: &'static str = "components";

    fn describe() -> Result<Description, String> {
        let model_id = "dtmi:com:example:TemperatureController;1".to_owned();
        Ok(Description {
            model_id,
            ..description(Self::NAME)
        })
    }

    fn init(start: Start) -> Result<Self, String> {
        run_timer(
            &start,
            "telemetry",
            millis(&start, "interval")?.unwrap_or(1000),
        )?;
        for (component, temperature) in COMPONENTS {
            let highest = json!({ "maxTempSinceLastReboot": temperature }).to_string();
            hub::report(Some(component), &highest).map_err(|error| error.to_string())?;
        }
        let record = start
            .last_record
            .as_deref()
            .map_or(Ok(Default::default()), object)?;
        let targets = record
            .get("targets")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        Ok(Self {
            targets: targets.into_iter().collect(),
        })
    }

    fn on_timer(&mut self, _name: String) -> Result<(), String> {
        COMPONENTS
            .into_iter()
            .try_for_each(|(component, temperature)| {
                let message = telemetry(Some(component), &json!({ "temperature": temperature }));
                hub::send_telemetry(&message).map_err(|error| error.to_string())
            })
    }

    fn on_desired(&mut self, desired: Desired) -> Result<Vec<Acknowledgment>, String> {
        let component = desired
            .component
            .filter(|component| is_component(component));
        let answer = |(property, value): (String, Value)| match &component {
            Some(component) if property == "targetTemperature" => {
                self.targets.insert(component.clone(), value.clone());
                acknowledgment(property, &value, 200)
            }
            _ => acknowledgment(property, &value, 404),
        };
        Ok(object(&desired.properties)?
            .into_iter()
            .map(answer)
            .collect())
    }

    fn on_command(&mut self, command: Command) -> Result<Reply, String> {
        Ok(
            match (command.component.as_deref(), command.name.as_str()) {
                (Some(component), "getMaxMinReport") if is_component(component) => reply(
                    200,
                    Some(json!({ "component": component, "target": self.targets.get(component) })),
                ),
                (None, "reboot") => reply(200, None),
                _ => reply(404, None),
            },
        )
    }

    fn save(&mut self) -> Result<String, String> {
        Ok(json!({ "schema": 1, "targets": self.targets }).to_string())
    }
}

test_guests::device!(Controller);
