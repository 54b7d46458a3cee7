//! The device models the cloud knows.

use dtdl::{Models, ParseError};

/// The models of this repository (`models/`), so that the program needs no files beside it.
const SHIPPED: [&str; 4] = [
    include_str!("../../models/dtmi/com/example/thermostat-1.json"),
    include_str!("../../models/dtmi/com/example/temperaturecontroller-1.json"),
    include_str!("../../models/dtmi/com/example/devicehost-1.json"),
    include_str!("../../models/dtmi/azure/devicemanagement/deviceinformation-1.json"),
];

/// The models that are part of this program.
///
/// # Errors
/// If one of them is no model: a test makes sure that all are.
pub fn shipped() -> Result<Models, ParseError> {
    let mut models = Models::new();
    for text in SHIPPED {
        models.add(dtdl::parse(text)?);
    }
    Ok(models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_is_whole() {
        let models = shipped().unwrap();
        let ids = models.list().unwrap().ids;
        assert_eq!(ids.len(), SHIPPED.len());
        for id in ids {
            models.resolve(&id).unwrap();
        }
    }
}
