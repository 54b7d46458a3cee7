//! Checks the description of the component.

use std::sync::Arc;

use super::finding::{Checked, Finding};
use crate::{
    contract::behaviour::{Behaviour, Description},
    guest::{Component, PreparedComponent},
};

pub(super) const NAME: &str = "description";

pub(super) async fn check(prepared: PreparedComponent, sha256: Arc<str>) -> Checked<Component> {
    let component = Component::admit(prepared, sha256).await;
    let component = component.map_err(|error| Finding::error(error.to_string()))?;
    let Description {
        name,
        version,
        model_id,
    } = component.description();
    let finding = Finding::ok(format!("{name} {version}, model {model_id}"))
        .with("name", &**name)
        .with("version", &**version)
        .with("modelId", &**model_id)
        .with("takesMessages", component.takes_messages());
    Ok((finding, component))
}
